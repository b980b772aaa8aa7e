from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import lungwise
from lungwise.cli import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"
README = DOCS.parent / "README.md"
_NAMED = re.compile(r"\b(?:button|find|from|menu|page|press|reason|then|tick)s? ((?:(?:, | and | under )?\*[^*]+\*)+)")
"""What follows such a word in italics is the name of something on a page."""
with (Path(lungwise.__file__).parent / "translations" / "fr" / "LC_MESSAGES" / "messages.po").open("rb") as _catalogue:
    _WORDS_OF_PAGES = {str(message.id) for message in read_po(_catalogue)}


def test_the_command_reference_is_what_the_commands_say() -> None:
    page = runpy.run_path(str(DOCS / "generate.py"))["cli_page"]()

    assert (DOCS / "reference" / "cli.md").read_text(encoding="utf-8") == page, "run `make docs`"


@pytest.mark.parametrize(
    ("page", "writer"),
    [("settings", "settings_page"), ("addresses", "routes_page"), ("api", "api_page"), ("refusals", "refusals_page")],
)
def test_the_reference_is_what_the_application_has(page: str, writer: str) -> None:
    written = runpy.run_path(str(DOCS / "generate.py"))[writer]()

    assert (DOCS / "reference" / f"{page}.md").read_text(encoding="utf-8") == written, "run `make docs`"


def test_no_address_has_a_sentence_that_is_cut_or_a_librarys() -> None:
    rows = [
        line.rstrip(" |").split(" | ")
        for line in (DOCS / "reference" / "addresses.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]

    assert len(rows) > 100
    assert [row[0] for row in rows if not row[2].endswith(".") or "View " in row[2]] == []


def test_the_readme_shows_the_figures_of_the_committed_measurements() -> None:
    text = runpy.run_path(str(DOCS / "generate.py"))["readme"]()

    assert README.read_text(encoding="utf-8") == text, "run `make docs`"


def test_the_readme_says_how_many_bars_the_model_misses() -> None:
    bars = json.loads((DOCS / "evaluation.json").read_text(encoding="utf-8"))["criteria"]
    missed = [bar for bar in bars if not bar["reached"]]

    assert f"misses {len(missed)} of the {len(bars)} bars" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_a_document_for_people(command: str) -> None:
    pages = [README, *DOCS.glob("guide/*.md")]

    assert any(f"lungwise {command}" in page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize("page", [README, *sorted(DOCS.rglob("*.md"))], ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [part.split(")")[0].split("#")[0] for part in text.split("](")[1:]]

    missing = [link for link in links if link and "://" not in link and not (page.parent / link).exists()]

    assert not missing


@pytest.mark.parametrize(
    "page",
    [DOCS.parent / "CHANGELOG.md", README, *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("guide/*.md"))],
    ids=lambda page: page.name,
)
def test_pages_menus_and_buttons_have_the_names_that_people_see(page: Path) -> None:
    text = " ".join(page.read_text(encoding="utf-8").split())
    found = [name for some in _NAMED.findall(text) for names in some.split("*")[1::2] for name in names.split(" > ")]

    assert set(found) <= _WORDS_OF_PAGES


def test_the_readme_says_the_two_commands_and_what_it_is_not() -> None:
    first_screen = README.read_text(encoding="utf-8")[:3000]

    assert "make run" in first_screen
    assert "make test" in first_screen
    assert "not a medical device" in first_screen


def test_the_doctors_guide_tells_every_refusal_and_warning() -> None:
    written = runpy.run_path(str(DOCS / "generate.py"))["doctors_guide"]()

    assert (DOCS / "guide" / "doctor.md").read_text(encoding="utf-8") == written, "run `make docs`"
