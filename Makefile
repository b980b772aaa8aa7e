.DEFAULT_GOAL := help
.PHONY: help run test check wheel mutated guide viewers fhir lint style docs licences clean

venv := .venv/bin
ohif := 3.12.10
readers := dcmjs@0.51.1 dwv@0.36.4 esbuild@0.28.2
medplum := 5.2.13
# Three tests at a time on two cores, since they wait for servers and browsers for a quarter of their time; each with a
# database server and a browser of its own; those that train first, then in the order of the folders, since the files
# that take longest have few tests, and would come last.
# Each on one core: threads of torch that wait for a core that another test has are slower than none.
test check: export OMP_NUM_THREADS := 1
# What is compiled is kept, for all the processes that tests start, also where the machine's setting is to keep nothing.
test check: export PYTHONDONTWRITEBYTECODE :=
at_once := -n 3 --dist loadfile --no-loadscope-reorder

# The types are checked beside the tests, and what was found is said after them: checked TESTS,TYPES
define checked
@$(MAKE) --no-print-directory style
@mkdir -p .cache; \
$(venv)/mypy $(2) >.cache/types 2>&1 & types=$$!; \
$(venv)/pytest $(at_once) $(1); tests=$$?; \
wait $$types; types=$$?; \
cat .cache/types; \
exit $$((tests || types))
endef

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

run: ## set everything up and start the application on http://127.0.0.1:8000
	@bin/setup
	@$(venv)/lungwise serve

test: ## set everything up and run every check
	@bin/setup train check
	$(checked)

check: ## the same without torch: all but the training tests
	@bin/setup check
	$(call checked,-m "not training",--exclude training --follow-imports silent)

wheel: ## build dist/lungwise-VERSION-py3-none-any.whl, which holds all but the packages that it needs
	@bin/setup
	rm -rf dist # two versions of one package cannot both be installed
	$(venv)/python -m hatchling build --target wheel --directory dist

mutated: ## read 10,000 mutated films, within the bounds on time and memory
	LUNGWISE_TEST_MUTATED=10000 $(venv)/pytest tests/integration/test_mutated_inputs.py

guide: ## run the blocks of the guides on a fresh Debian; needs root, mmdebstrap and systemd-container
	@bin/setup check
	$(venv)/python docs/run_guides.py

viewers: ## fetch OHIF, dcmjs and dwv from npm, and let them show or read a study's results; needs npm
	@bin/setup check
	@mkdir -p .cache/viewers
	cd .cache/viewers && npm pack --silent @ohif/app@$(ohif) && tar xzf ohif-app-$(ohif).tgz
	npm install --silent --no-save --prefix .cache/viewers $(readers)
	LUNGWISE_TEST_OHIF=.cache/viewers/package/dist LUNGWISE_TEST_MODULES=.cache/viewers/node_modules \
		$(venv)/pytest tests/browser/test_viewers.py

fhir: ## fetch a FHIR server from npm, and send it reports; needs npm
	@bin/setup check
	@mkdir -p .cache/fhir
	cd .cache/fhir && npm install --silent --no-audit --no-fund --ignore-scripts @medplum/fhir-router@$(medplum)
	LUNGWISE_TEST_FHIR=.cache/fhir $(venv)/pytest tests/integration/test_reports_out.py

lint: style # style, import rules, types
	$(venv)/mypy

style: # style and import rules
	$(venv)/ruff check
	$(venv)/ruff format --check
	$(venv)/lint-imports

docs: ## write the generated pages anew
	$(venv)/python docs/generate.py
	$(venv)/python docs/supply.py bill

licences: ## list the licences of all that runs with Lungwise; fails where one is not allowed
	@bin/setup check
	@$(venv)/python docs/supply.py licences

clean: ## remove what was installed and built; films and data stay
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache dist
