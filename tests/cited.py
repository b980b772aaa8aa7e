"""What documents cite: tests, files, modules, commands, settings and addresses."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import click

from lungwise.cli import COMMANDS, main
from lungwise.settings import Settings

ROOT = Path(__file__).parents[1]
_FOLDERS = (ROOT, ROOT / "tests", ROOT / "src" / "lungwise", ROOT / "src", ROOT / "docs")
"""What a path begins below."""
_TESTS = re.compile(r"`((?:unit|integration|browser|docs|benchmarks)/[\w/]+\.py)(?:::(\w+))?`")
_TOP = "src|tests|unit|integration|browser|benchmarks|docs|bin|locks"
_FILE = re.compile(rf"`((?:{_TOP})/[\w./{{}},*-]*|\w[\w./-]*\.(?:py|toml))(?:::(\w+))?`")
_COMMAND = re.compile(r"(?:^|[`(/ ])lungwise ((?:[a-z][a-z0-9-]*)(?: [^`\n|#]*)?)", re.MULTILINE)
_CODE = re.compile(r"^```(?:sh|text|yaml|ini)\b.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_MODULE = re.compile(r"(?:`|from |import )(lungwise(?:\.\w+)+)")
_SETTING = re.compile(r"\bLUNGWISE_([A-Z0-9_]*[A-Z0-9])\b")
_NAMED_SETTING = re.compile(r"\bsettings? `([a-z0-9_]+)`")
_MAKE = re.compile(r"`make ([a-z]+)`")
_ADDRESS = re.compile(r"`(?:(?:GET|POST|PUT|DELETE) )?(/[\w./{}<>:-]*)`")
_ELSEWHERE = re.compile(r"/(etc|opt|var|usr|run|data|dev|proc|root|home|tmp|guide)(/|$)")
"""Paths of a file system."""
NOT_MODULES = {"lungwise.security"}
"""What a log's lines are named after."""
NOT_SETTINGS = {"SETTINGS", "TOKEN", "FILMS"}
"""What commands take from the environment besides the settings."""


def cited_tests(text: str) -> list[tuple[str, str]]:
    """Give the tests that a text cites: each file below `tests/`, and the test in it, or nothing."""
    return [(file, test) for file, test in _TESTS.findall(text) if (ROOT / "tests" / file).is_file() or test]


def cited_files(text: str) -> list[str]:
    """Give the other files of the repository that a text cites."""
    tests = {file for file, _test in cited_tests(text)}
    return [file for file, _name in _FILE.findall(text) if file not in tests]


def missing(text: str) -> list[str]:
    """Name the tests and files that a text cites and that are not there."""
    return [f"{file}::{name}" if name else file for file, name in _FILE.findall(text) if not _is_there(file, name)]


def missing_elsewhere(text: str) -> list[str]:
    """Name the modules, commands, settings and targets that a text cites and that are not there."""
    parts = (_missing_modules(text), _missing_commands(text), _missing_settings(text), _missing_targets(text))
    return [*chain.from_iterable(parts)]


def cited_addresses(text: str) -> list[str]:
    """Give the addresses that a text names, without the paths of a file system."""
    return [path for path in _ADDRESS.findall(text) if not _ELSEWHERE.match(path) and path != "/"]


def _is_there(file: str, name: str) -> bool:
    found = [path for one in _alternatives(file) for folder in _FOLDERS for path in folder.glob(one.rstrip("/"))]
    return bool(found) and (not name or any(name in _names(path) for path in found))


def _alternatives(file: str) -> list[str]:
    """Write out `{a,b}`; each of them has to be there, which one missing name shows."""
    braces = re.search(r"\{([^}]*)\}", file)
    return [file.replace(braces[0], one) for one in braces[1].split(",")] if braces else [file]


@cache
def _names(path: Path) -> frozenset[str]:
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef))


def _missing_modules(text: str) -> Iterator[str]:
    for name in _MODULE.findall(text):
        if name not in NOT_MODULES and not _is_module(name):
            package, _, attribute = name.rpartition(".")
            if not (_is_module(package) and hasattr(importlib.import_module(package), attribute)):
                yield name


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _missing_commands(text: str) -> Iterator[str]:
    for code in _CODE.findall(text):
        plain = re.sub(r"(?m)(^|\s)#.*$", "", code).replace("\\\n", " ").strip("`")
        for words in _COMMAND.findall(plain):
            yield from _missing_words(words.split("--")[0].split(), re.findall(r"--[a-z][a-z-]*", words))


def _missing_words(words: list[str], options: list[str]) -> Iterator[str]:
    """Follow the words of a command line through the groups, and look its options up."""
    if words[0] == "lungwise":
        return  # the user and the group of that name
    if words[0] not in COMMANDS:
        yield f"lungwise {words[0]}"
        return
    context = click.Context(main, info_name="lungwise")
    command = main.get_command(context, words[0])
    if isinstance(command, click.Group) and len(words) > 1 and words[1].replace("-", "").isalpha():
        inner = command.get_command(context, words[1])
        if inner is None:
            yield f"lungwise {words[0]} {words[1]}"
            return
        command = inner
    assert command is not None
    known = {option for one in command.params for option in [*one.opts, *one.secondary_opts]} | {"--help", "--version"}
    yield from (f"lungwise {words[0]} {option}" for option in options if option not in known)


def _missing_settings(text: str) -> Iterator[str]:
    variables = {name.lower() for name in _SETTING.findall(text) if name not in NOT_SETTINGS and "TEST_" not in name}
    yield from sorted((variables | set(_NAMED_SETTING.findall(text))) - set(Settings.model_fields))


def _missing_targets(text: str) -> Iterator[str]:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    yield from (f"make {name}" for name in _MAKE.findall(text) if name not in targets)
