"""Writes the generated pages: the references, the sizing guide, and the figures in the README.

Run by `make docs`; `tests/docs` fails where a page is not what this writes.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from annotated_types import Ge, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from lungwise.cli import COMMANDS, main
from lungwise.cli.bootstrap import make_reader
from lungwise.films.refusals import REFUSALS, VALUES, WARNINGS, Entry
from lungwise.settings import Settings
from lungwise.web_app import create_app

DOCS = Path(__file__).parent
BUSIEST, LOAD = 0.25, 0.7
"""Of the sizing model: the busiest hour's share of a day's films, and how busy a part shall be then."""
QUIET = 1.0
"""Load average from which on a measurement says that it was disturbed."""
README = DOCS.parent / "README.md"
BEGIN, END = "<!-- numbers: written by `make docs` -->\n", "<!-- end of numbers -->"
GUIDE = DOCS / "guide" / "doctor.md"
CATALOGUE = "<!-- catalogue: written by `make docs` from films/refusals.py -->\n"
"""Before each of the guide's two tables, which end with an empty line."""
_LIBRARY_VIEWS = {
    "static": "Give a file that every page needs.",
    "security.static": "Give a file of Flask-Security, which no page needs.",
    "security.login": "Sign in with an e-mail address and a password.",
    "security.verify": "Enter the password or a code again, before something important is changed.",
    "security.tf_select": "Choose one of several second factors to sign in with.",
    "security.two_factor_token_validation": "Enter the code of the second factor, to sign in.",
    "security.two_factor_rescue": "Show the page for the code again, or lead to the one for a recovery code.",
    "security.mf_recovery": "Sign in with a recovery code in place of the second factor.",
    "security.mf_recovery_codes": "Say how many recovery codes are left, and make new ones, shown once.",
}
"""What Flask's and Flask-Security's views do, by endpoint: their docstrings are for programmers."""


def cli_page() -> str:
    """The help of every command, as people see it in a terminal."""
    parts = ["# Command line", "", "Written by `make docs` from the commands' own help.", ""]
    context = click.Context(main, info_name="lungwise", help_option_names=["-h", "--help"])
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None, name  # noqa: S101 - a command that is listed exists
        parts += _help(command, name, context)
    return "\n".join(parts)


def _help(command: click.Command, name: str, parent: click.Context) -> list[str]:
    """The help of a command, and of those in it where it is a group."""
    with click.Context(command, info_name=name, parent=parent, terminal_width=100) as context:
        parts = [f"## {context.command_path}", "", "```text", command.get_help(context), "```", ""]
        inner = command.commands.items() if isinstance(command, click.Group) else ()
        return parts + [part for name, one in inner for part in _help(one, name, context)]


def settings_page() -> str:
    """Every setting with its variable, default and meaning."""
    rows = [
        f"| `LUNGWISE_{name.upper()}` | {_default(field)} | {_range(field)} "
        f"| {' '.join((field.description or '').split())} |"
        for name, field in Settings.model_fields.items()
    ]
    head = (
        "# Settings\n\nWritten by `make docs`. Each setting is an environment variable. Without the prefix and in "
        "lower case it is a line of the TOML file that `LUNGWISE_SETTINGS` names.\n\n"
        "| variable | default | range | meaning |\n|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "`~/.local/share/lungwise`"
    plain = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return "" if plain in ("", None) else f"`{plain}`"


def _range(field: FieldInfo) -> str:
    """The bounds of a number."""
    least = next((one.ge for one in field.metadata if isinstance(one, Ge)), None)
    most = next((one.le for one in field.metadata if isinstance(one, Le)), None)
    return "" if least is None or most is None else f"{least} to {most}"


def routes_page() -> str:
    """Every address of the web application."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_folder=Path(folder)), make_reader)
        app.database.close()
    rows = [
        f"| `{rule.rule}` | {', '.join(sorted((rule.methods or set()) & {'GET', 'POST'}))} "
        f"| {_said_of(rule.endpoint, app.view_functions[rule.endpoint])} |"
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)
    ]
    head = (
        "# Addresses\n\nWritten by `make docs` from the application.\n\n"
        "| address | methods | what it does |\n|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def api_page() -> str:
    """Every operation of the REST API, and every schema, from its own document."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_folder=Path(folder)), make_reader)
        text = app.test_client().get("/api/v1/openapi.json").get_json()
        app.database.close()
    parts = [
        "# REST API",
        "",
        "Written by `make docs` from the API's own document, which every installation serves at `/api/v1/openapi.json` "
        "and shows at `/api/v1/`. Addresses begin with `/api/v1`; each request carries a token "
        "(`Authorization: Bearer TOKEN`), and errors are problem documents (RFC 9457).",
        "",
    ]
    for path, methods in text["paths"].items():
        for method, operation in methods.items():
            parts += _api_operation(f"{method.upper()} {path}", operation)
    parts += ["# Schemas", ""]
    for name, schema in text["components"]["schemas"].items():
        parts += _api_schema(name, schema)
    return "\n".join(parts).rstrip() + "\n"


def _api_operation(title: str, operation: dict[str, Any]) -> list[str]:
    about = f"{operation['summary']} {operation.get('description', '')}".strip()
    parts = [f"## {title}", "", about, "", f"Scope: `{operation['x-scope']}`.", ""]
    if operation["parameters"]:
        parts += ["| parameter | in | form | meaning |", "|---|---|---|---|"]
        parts += [
            f"| `{one['name']}` | {one['in']} | {_api_form(one['schema'])} | {one.get('description', '')} |"
            for one in operation["parameters"]
        ]
        parts.append("")
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"- takes `{kind}`: {_api_form(media['schema'])}")
    for status, response in operation["responses"].items():
        said = [f"`{kind}`: {_api_form(media['schema'])}" for kind, media in response["content"].items()]
        parts.append(f"- **{status}** {response['description']} {', '.join(said)}")
    return [*parts, ""]


def _api_schema(name: str, schema: dict[str, Any]) -> list[str]:
    rows = [
        f"| `{field}` | {_api_form(form)} | {form.get('description', '')} |"
        for field, form in schema["properties"].items()
    ]
    table = ["| field | form | meaning |", "|---|---|---|", *rows, ""] if rows else []
    return [f"## {name}", "", schema.get("description", "").replace("\n", " "), "", *table]


def _api_form(schema: dict[str, Any]) -> str:
    """A schema in a word or a few."""
    if "$ref" in schema:
        return f"[{schema['$ref'].split('/')[-1]}](#{schema['$ref'].split('/')[-1].lower()})"
    if "anyOf" in schema:
        return " or ".join(_api_form(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_api_form(schema['items'])}{_api_bounds(schema, 'Items', ' of them')}"
    if schema.get("type") == "object" and "properties" in schema:
        return "form of " + ", ".join(f"`{name}` ({_api_form(one)})" for name, one in schema["properties"].items())
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    bounds = _api_bounds(schema, "imum", "") + _api_bounds(schema, "Length", " characters")
    return str(schema.get("format") or schema.get("type", "anything")) + bounds


def _api_bounds(schema: dict[str, Any], what: str, unit: str) -> str:
    """The bounds of a number, of a text's length or of how many are in a list."""
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if least is None and most is None:
        return ""
    if most is None:
        return f", {least}{unit} or more"
    return f", {most}{unit} or less" if least is None else f", {least} to {most}{unit}"


def sizing_page() -> str:
    """How many machines are needed, from `docs/sizing.json`."""
    measured = json.loads((DOCS / "sizing.json").read_text(encoding="utf-8"))
    small, large = measured["runs"][0], measured["large"]
    kinds = ((small, f"{_size(small)} JPEG"), (large, f"{_size(large)} DICOM"))
    parts = (_measurement(measured), _curve(measured), _costs(*kinds), _model(), _needs(*kinds), country_section())
    return "\n\n".join(("# How many machines", *parts)) + "\n"


def _measurement(measured: dict[str, Any]) -> str:
    busy = (
        f"**Other work kept the machine busy before this began (load {measured['load']:.1f}), so films a second and "
        "milliseconds are several times too bad; processor times are nearly right. Measure again.** "
    )
    return (busy if measured["load"] > QUIET else "") + (
        f"Written by `make docs` from `docs/sizing.json`: {measured['database']} on {measured['cores']} cores of "
        f"{measured['processor']}, {measured['date']}, Lungwise {measured['lungwise']}. To measure another machine, "
        f"stop all other work and run\n\n```sh\n{measured['command']} && make docs\n```"
    )


def _curve(measured: dict[str, Any]) -> str:
    runs = measured["runs"]
    return (
        f"## The curve\n\nFilms of {_size(runs[0])}, one core per worker. *Alone* means that a full queue is emptied "
        "while nobody uploads: only workers and database. The other columns are what `lungwise bench --server` "
        f"measures while it uploads: with {runs[0]['many']['films_of_a_study']} films per study, so that readers never "
        "wait for a film, and with one film per study, as clinics send them, so that readers do wait. Pages, database, "
        f"broker and the uploading program then share the {measured['cores']} cores with the workers, and if there are "
        "more workers than cores, they share the cores among themselves. *ms* is how long a core is busy with a film, "
        "counted from the last upload on if a quarter of the films is left then; *over* is how much longer that is "
        "than the network alone.\n\n"
        "| workers | alone, films/s | of linear | network, ms | many to a study: films/s | ms | over "
        "| one: films/s | ms | over |\n|---|---|---|---|---|---|---|---|---|---|\n"
        + "\n".join(_curve_row(run, runs[0]) for run in runs)
    )


def _costs(small: tuple[dict[str, Any], str], large: tuple[dict[str, Any], str]) -> str:
    head = f"## What a film costs\n\n| | {small[1]} | {large[1]} |\n|---|---|---|\n"
    return head + "\n".join(_cost_rows(small[0], large[0]))


def _model() -> str:
    return (
        f"## What is needed\n\nThe busiest hour of a day brings {BUSIEST:.0%} of its films: twice as many as an even "
        f"working day of eight hours would. In that hour a part should be busy {LOAD:.0%} of the time, so that a film "
        "waits about as long as it takes to read. For *n* films a day this gives\n\n"
        f"- films per second: *s* = {BUSIEST} *n* / 3600\n"
        f"- cores of a part: *s* · (its milliseconds for a film) / 1000 / {LOAD}\n"
        "- workers: the cores for reading, rounded up, each with its own memory\n"
        "- disk for a year: 365 *n* · (film and rows); line: *s* · 8 · (bytes of a film)"
    )


def _needs(*kinds: tuple[dict[str, Any], str]) -> str:
    rows = [_needs_row(run, name, clinics) for run, name in kinds for clinics in (1, 10, 100)]
    return (
        "| clinics of 500 films a day | films | films/s | cores: reading | pages | database | workers | memory, GB "
        "| disk a year | line, Mbit/s |\n|---|---|---|---|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "Cores for pages cover an upload and one view of its study; allow as much again for people who browse. "
        "Memory covers the workers, one process of the pages and the database without its cache. Backups need the "
        "same disk space again."
    )


def country_section() -> str:
    """From 100 to 10,000 clinics, from `docs/country.json`."""
    found = json.loads((DOCS / "country.json").read_text(encoding="utf-8"))
    first, second = list(found["breaks_at"])[:2]
    return "\n\n".join(
        (
            "## A country\n\nUp to 10,000 clinics: 5 million films a day, 350 a second in the busiest hour. `python "
            "tests/benchmarks/country.py` lets every film of that hour through the audit trail, the database, the "
            "pages and the readers, each a queue, with the costs above, and takes seconds. An entry of the audit trail "
            f"takes {found['entry_milliseconds']} ms of processor time (measured with `--measure`, on a busy machine), "
            "and 0.5 ms are taken for the disk; a film makes three entries. **This is a simulation: no installation "
            "of this size was run.**",
            "Pages, readers and DICOM nodes are as many as one likes. What an installation has once is taken as a "
            "database on 32 cores with a disk of 8 TB, and a line of 10 Gbit/s; a backup of all films shall end in a "
            "night of 8 hours. At so many clinics such a part is 70% in use:\n\n"
            "| what an installation has once | clinics, 180 kB JPEG | clinics, 8 MB DICOM |\n|---|---|---|\n"
            + "\n".join(
                f"| {name} | {at} | {found['breaks_at_large'][name]} |" for name, at in found["breaks_at"].items()
            )
            + f"\n\nFirst breaks the {first}, then the {second}: every entry is signed with the one before, so entries "
            "of one installation are written one after the other. Database and readers have room long after that, and "
            "so has the line. With all clinics in one installation, from upload to answer:\n\n"
            "| clinics | films in the busiest hour | median, s | 95% within, s | still waiting after the hour, "
            "minutes |\n"
            "|---|---|---|---|---|\n"
            + "\n".join(
                f"| {one['clinics']} | {one['films']} | {one['median_seconds']} | {one['p95_seconds']} "
                f"| {one['late_minutes']} |"
                for one in found["together"]
            ),
            "![How busy each part is, and how a region catches up](../pictures/country.svg)",
            f"So a country is split into regions of at most {found['region']} clinics, each an installation of "
            "its own: database and audit trail by region and clinic, films by bucket, one for each region, readers by "
            "the queue of their region. From some hundred clinics on, films are backed up by the bucket's own "
            "replication, and "
            "`lungwise db backup` is for a region's rehearsals. A clinic goes from one region to another by "
            "[one command](administrator.md#a-clinic-moves-to-another-installation). Each region needs, in cores, "
            "Mbit/s, and terabytes a year:\n\n"
            "| clinics | regions | clinics of each | films/s in all | database | pages | workers | line | rows "
            "| films |\n"
            "|---|---|---|---|---|---|---|---|---|---|\n" + "\n".join(map(_country_row, found["machines"])),
            f"**When a region fails**, the others do not notice. Its {found['region']} clinics cannot read or look "
            "anything up; films wait in the X-ray machines and browsers, and come when it is there again. Away from 9 "
            "o'clock on, with all films of the time until it has caught up counted as delayed:\n\n"
            "| away, hours | films delayed | hours to catch up | with twice the readers and pages "
            "|\n|---|---|---|---|\n"
            + "\n".join(
                f"| {one['hours']} | {one['films']} | {one['hours_to_catch_up']} "
                f"| {one['with_twice_the_readers']['hours_to_catch_up']} |"
                for one in found["outages"]
            ),
        )
    )


def _country_row(one: dict[str, Any]) -> str:
    names = ("clinics", "regions", "clinics_of_a_region", "films_per_second", "database_cores", "pages_cores")
    rest = ("workers", "line_megabits", "rows_terabytes", "films_terabytes")
    return "| " + " | ".join(str(one[name]) for name in (*names, *rest)) + " |"


def needs(run: dict[str, Any], films_a_day: int) -> dict[str, float]:
    """What so many films a day need, by the constants of one measured run."""
    second = BUSIEST * films_a_day / 3600
    cores = {part: second * cost / 1000 / LOAD for part, cost in run["processor"].items()}
    workers, memory = math.ceil(cores["workers"]), run["megabytes"]
    return {
        "films_per_second": second,
        "reading": cores["workers"],
        "pages": cores["pages"],
        "database": cores.get("database", 0.0),
        "workers": workers,
        "gigabytes": (workers * memory["workers"] + memory["pages"] + memory.get("database", 0)) / 1024,
        "disk": 365 * films_a_day * (run["disk"]["film"] + run["disk"]["rows"]),
        "megabits": second * 8 * run["film_bytes"] / 1e6,
    }


def _curve_row(run: dict[str, Any], first: dict[str, Any]) -> str:
    alone = f"| {run['workers']} | {_alone(run, first)} | {run['many']['network']:.0f}"
    return f"{alone} | {_with_uploads(run['many'])} | {_with_uploads(run['single'])} |"


def _with_uploads(measured: dict[str, Any]) -> str:
    return f"{measured['films_per_second']:.1f} | {measured['reader']:.0f} | {measured['overhead']:+.0%}"


def _alone(run: dict[str, Any], first: dict[str, Any]) -> str:
    """Films a second of an emptied queue, and how near to linear."""
    linear = first["reading_per_second"] / first["workers"] * run["workers"]
    return f"{run['reading_per_second']:.1f} | {run['reading_per_second'] / linear:.0%}"


def _cost_rows(small: dict[str, Any], large: dict[str, Any]) -> list[str]:
    parts = [(f"processor, {part}, ms", "processor", part, 1) for part in small["processor"]]
    parts += [(f"memory, {part}, MB", "megabytes", part, 1) for part in small["megabytes"]]
    parts += [("disk, film, kB", "disk", "film", 1024), ("disk, rows, kB", "disk", "rows", 1024)]
    return [
        f"| {what} | {small[table][key] / unit:.0f} | {large[table][key] / unit:.0f} |"
        for what, table, key, unit in parts
    ]


def _needs_row(run: dict[str, Any], name: str, clinics: int) -> str:
    need = needs(run, 500 * clinics)
    disk = f"{need['disk'] / 1e9:.0f} GB" if need["disk"] < 1e12 else f"{need['disk'] / 1e12:.1f} TB"
    return (
        f"| {clinics} | {name} | {need['films_per_second']:.2f} | {need['reading']:.2f} | {need['pages']:.2f} | "
        f"{need['database']:.2f} | {need['workers']} | {need['gigabytes']:.1f} | {disk} | {need['megabits']:.1f} |"
    )


def _size(run: dict[str, Any]) -> str:
    kilobytes = run["film_bytes"] / 1024
    return f"{kilobytes:.0f} kB" if kilobytes < 1000 else f"{kilobytes / 1024:.0f} MB"


def _said_of(endpoint: str, view: Callable[..., object]) -> str:
    """The first line of our own views' docstrings, and a sentence of ours on each view of a library."""
    if not view.__module__.startswith("lungwise"):
        return _LIBRARY_VIEWS[endpoint]
    return (view.__doc__ or "").strip().partition("\n")[0]


def readme() -> str:
    """The README with the figures of `docs/evaluation.json` and `docs/bench.json` between its marks."""
    text = README.read_text(encoding="utf-8")
    before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:before] + numbers() + text[after:]


def numbers() -> str:
    """The few figures a reader asks for first, each with its interval and its command."""
    evaluation = json.loads((DOCS / "evaluation.json").read_text(encoding="utf-8"))
    bench = json.loads((DOCS / "bench.json").read_text(encoding="utf-8"))
    rows = "\n".join(f"| {what} | {figure} |" for what, figure in _accuracy(evaluation))
    bars = evaluation["criteria"]
    missed = sum(not row["reached"] for row in bars)
    return (
        f"| | value (95 % interval) |\n|---|---|\n{rows}\n\n"
        f"From `{evaluation['command']}`, {evaluation['date']}.\n\n"
        f"**The model misses {missed} of the {len(bars)} bars that it should reach.** The model card lists "
        "[each with its value](docs/model-card.md#what-it-must-reach).\n\n"
        "A negative film does not rule out infection: most of the PCR-positive patients above have a film that shows "
        "little.\n\n"
        f"On two cores one 1-megapixel film takes {bench['whole']['median']:.0f} ms from file to reading. A batch "
        f"runs at {bench['films_per_second']:.0f} films per second in {bench['resident_megabytes']} MB of memory. "
        f"A new process gives its first reading after {bench['first_reading_seconds']:.1f} s (`lungwise bench`).\n\n"
    )


def _accuracy(evaluation: dict[str, Any]) -> list[tuple[str, str]]:
    siim, ricord = _source(evaluation, "test", "siim"), _source(evaluation, "test", "ricord")
    hannover, delhi = _source(evaluation, "external", "hannover"), _source(evaluation, "external", "delhi")
    radiopaedia = _source(evaluation, "external", "cohen-radiopaedia.org")
    normal, ill = (_labelled(delhi, label) for label in ("normal", "tuberculosis"))
    measured = {row["measure"]: row for row in evaluation["criteria"]}

    def of(measure: str) -> str:
        return _claimed(measured[measure])

    return [
        (
            "Typical COVID-19 appearance against negative, other patients of the training hospitals: AUC",
            of("typical against negative, SIIM, AUC"),
        ),
        ("Any abnormal appearance against negative, the same patients: AUC", _area(siim["tasks"][1]["auc"])),
        (
            "The heat map's maximum lies in a radiologist's box, the same patients",
            _share(siim["localisation"]["pointing_game"]),
        ),
        (
            "Extent of opacity against a senior radiologist's Brixia score: Spearman",
            _area(measured["extent against Brixia (senior), test and external, Spearman"]["estimate"]),
        ),
        (
            "Normal against not normal, other patients of a training hospital's wards: AUC",
            of("normal against not normal, chexpert, AUC"),
        ),
        (
            "Normal against not normal (tuberculosis), a hospital never seen: AUC",
            of("normal against not normal, delhi, AUC"),
        ),
        ("Tuberculosis against normal, the same hospital: AUC", of("tuberculosis against normal, delhi, AUC")),
        ("Tuberculosis in that hospital, called tuberculosis", _share(ill["called_tuberculosis"])),
        (
            "Normal films of that hospital, called tuberculosis (false alarms)",
            _share(normal["called_tuberculosis"]),
        ),
        ("Tuberculosis in that hospital, called normal", _share(ill["called_normal"])),
        ("Normal films of that hospital, called normal", _share(normal["called_normal"])),
        ("Tuberculosis in that hospital, called positive for COVID-19", _share(ill["called_positive"])),
        ("Normal films of that hospital, called positive for COVID-19", _share(normal["called_positive"])),
        (
            "COVID-19 against other disease, many hospitals never seen: AUC",
            of("COVID-19 against other, Radiopaedia, AUC"),
        ),
        (
            "Patients with another disease in those hospitals, called positive for COVID-19 (false alarms)",
            _share(radiopaedia["verdicts_by_patient"]["false alarms"]),
        ),
        (
            "Patients with COVID-19 of another hospital never seen, called positive",
            _share(hannover["verdicts_by_patient"]["sensitivity"]),
        ),
        (
            "Patients with COVID-19 of another hospital never seen, called negative",
            _share(hannover["verdicts_by_patient"]["missed"]),
        ),
        (
            "**Patients with a positive PCR test**, called positive",
            _share(ricord["verdicts_by_patient"]["sensitivity"]),
        ),
        ("Patients with a positive PCR test, called negative", _share(ricord["verdicts_by_patient"]["missed"])),
        (
            "Patients whose films radiologists call negative, called positive (false alarms)",
            _share(siim["verdicts_by_patient"]["false alarms"]),
        ),
    ]


def _claimed(row: dict[str, Any]) -> str:
    """A figure, or why nothing is claimed."""
    if row["is_claimed"]:
        return _area(row["estimate"])
    return f"not claimed: the border of the films alone tells them apart, {_area(row['border'])}"


def _source(evaluation: dict[str, Any], split: str, name: str) -> dict[str, Any]:
    sources = next(part["sources"] for part in evaluation["splits"] if part["split"] == split)
    found: dict[str, Any] = next(source for source in sources if source["source"] == name)
    return found


def _labelled(source: dict[str, Any], label: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in source["confusion"] if row["label"] == label)
    return found


def _area(auc: dict[str, Any]) -> str:
    return f"{auc['value']:.3f} ({auc['lower']:.3f} to {auc['upper']:.3f})"


def _share(estimate: dict[str, Any]) -> str:
    return f"{estimate['value']:.0%} ({estimate['lower']:.0%} to {estimate['upper']:.0%})"


def doctors_guide() -> str:
    """The doctor's guide with the tables of refusals and warnings from their catalogue."""
    before, refusals, warnings = GUIDE.read_text(encoding="utf-8").split(CATALOGUE)
    of_codes = {code: entry for code, entry in REFUSALS.items() if "/" not in code}
    tables = ((of_codes, refusals), (WARNINGS, warnings))
    return before + "".join(CATALOGUE + _catalogue(entries) + text[text.index("\n\n") :] for entries, text in tables)


def refusals_page() -> str:
    """Every refusal and every warning with all that they may say."""
    return (
        "# Refusals and warnings\n\nWritten by `make docs` from `films/refusals.py`. The code appears in the API, in "
        "`lungwise read --json` and in the structured report; the part after its slash is the value `detail`. "
        "People read the sentence in their own language.\n\n"
        f"## Refusals\n\n{_catalogue(REFUSALS)}\n\n## Warnings\n\n{_catalogue(WARNINGS)}\n"
    )


def _catalogue(entries: Mapping[str, Entry]) -> str:
    rows = [f"| `{code}` | {_said(entry)} | {entry.advice % VALUES} |" for code, entry in entries.items()]
    return "| code | what happened | what to do |\n|---|---|---|\n" + "\n".join(rows)


def _said(entry: Entry) -> str:
    """The sentence with an ellipsis for each value."""
    return re.sub(r"%\(\w+\)s", "…", entry.sentence.replace("%(file)s", entry.subject))


if __name__ == "__main__":
    for name, page in (
        ("cli", cli_page),
        ("settings", settings_page),
        ("addresses", routes_page),
        ("api", api_page),
        ("refusals", refusals_page),
    ):
        (DOCS / "reference" / f"{name}.md").write_text(page(), encoding="utf-8")
    (DOCS / "guide" / "sizing.md").write_text(sizing_page(), encoding="utf-8")
    README.write_text(readme(), encoding="utf-8")
    GUIDE.write_text(doctors_guide(), encoding="utf-8")
