"""The settings of a command: read, or said in a sentence what is wrong with them."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from lungwise.reading.artefact import ArtefactError, load_artefact, use_artefact
from lungwise.settings import Settings, SettingsFileError

_PREFIX = "LUNGWISE_"
_NO_SETTINGS = frozenset({"LUNGWISE_SETTINGS", "LUNGWISE_TOKEN", "LUNGWISE_FILMS"})
"""Environment variables that say where settings are, or stand for an option of a command."""
_passed_over: set[str] = set()
"""What this process has warned of."""
_WHOLE_NUMBER, _TABLE = "It is a whole number", 'It is a table, as {{"Hill": {{"send_to": "AE@host:port"}}}}'
_SENTENCES = {
    "extra_forbidden": "there is no setting of this name",
    "int_parsing": _WHOLE_NUMBER,
    "int_type": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "float_parsing": "It is a number",
    "float_type": "It is a number",
    "finite_number": "It is a number",
    "bool_parsing": "It is true or false",
    "bool_type": "It is true or false",
    "greater_than_equal": "It is {ge} or more",
    "less_than_equal": "It is {le} or less",
    "string_too_long": "It has {max_length} characters or fewer",
    "string_too_short": "It has {min_length} characters or more",
    "string_type": "It is a text: put it in quotation marks",
    "path_type": "It is a path: put it in quotation marks",
    "enum": "It is {expected}",
    "literal_error": "It is {expected}",
    "dict_type": _TABLE,
    "model_type": _TABLE,
}
"""What is said of a setting, by the kind of pydantic's error."""


def read_settings(**given: str | int) -> Settings:
    """Read the settings, or report which one is wrong; let this process read with the model that they name."""
    _warn_of_unknown()
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        wrong = " ".join(f"{_what_is_wrong(item).removesuffix('.')}." for item in error.errors())
        raise click.ClickException(f"A setting is wrong. {wrong}") from error
    except SettingsError as error:  # its cause quotes nothing of what may be secret
        named = re.search(r'field "(\w+)"', str(error))
        raise click.ClickException(
            f"A setting is wrong. {named[1] if named else error}: It is not JSON. {_TABLE.format()}."
        ) from error
    except SettingsFileError as error:
        raise click.ClickException(str(error)) from error
    if settings.model_folder:
        _use(settings.model_folder)
    if settings.report_font:
        _check_font(settings.report_font)
    return settings


def _check_font(file: Path) -> None:
    from lungwise.reports.typesetting.typefaces import is_font  # here: only few have a font of their own

    if not is_font(file):
        raise click.ClickException(f"A setting is wrong. report_font: {file} is not there, or is no TrueType font.")


def _use(folder: Path) -> None:
    """Read with the model of a folder, or say what is wrong with it."""
    try:
        load_artefact(folder)
    except ArtefactError as error:
        raise click.ClickException(f"A setting is wrong. model_folder: {error}") from error
    use_artefact(folder)


def _what_is_wrong(item: ErrorDetails) -> str:
    name, kind = ".".join(map(str, item["loc"])), item["type"]
    if kind == "string_pattern_mismatch":  # the description says how it is written
        field = Settings.model_fields[str(item["loc"][-1])]
        said = f"It is not written as it must be. {' '.join((field.description or '').split())}"
    elif kind in _SENTENCES:
        said = _SENTENCES[kind].format(**item.get("ctx", {}))
    else:
        said = item["msg"].removeprefix("Value error, ")
    return f"{name}: {said}" if name else said  # without a name: of several together


def _warn_of_unknown() -> None:
    """Say which environment variables look like settings and are none."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    given = {name.upper() for name in os.environ if name.upper().startswith(_PREFIX)}
    for name in sorted(given - known - _NO_SETTINGS - _passed_over):
        _passed_over.add(name)
        if not name.startswith("LUNGWISE_TEST_"):
            near = get_close_matches(name, known, n=1)
            meant = f" Is {near[0]} meant?" if near else ""
            click.echo(f"There is no setting {name}: it is passed over.{meant}", err=True)
