"""What documents say they are held by: tests, and files of this repository."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CITED = re.compile(r"`((?:unit|integration|browser|docs|benchmarks)/[\w/]+\.py)(?:::(\w+))?`")
_FILE = re.compile(r"`((?:src|docs|bin|locks)/[\w./-]+|pyproject\.toml)`")


def cited_tests(text: str) -> list[tuple[str, str]]:
    """Give the tests that a text cites: each file below `tests/`, and the test in it, or nothing."""
    return _CITED.findall(text)


def cited_files(text: str) -> list[str]:
    """Give the other files of the repository that a text cites."""
    return [file for file in _FILE.findall(text) if not file.startswith("docs/test_")]


def missing(text: str) -> list[str]:
    """Name what a text cites and is not there."""
    tests = [f"{file}::{test}" for file, test in cited_tests(text) if not _is_there(file, test)]
    return [*tests, *(file for file in cited_files(text) if not (ROOT / file).exists())]


def _is_there(file: str, test: str) -> bool:
    return test in _names(file) if test else bool(_names(file)) or file.startswith("benchmarks/")


@cache
def _names(file: str) -> frozenset[str]:
    path = ROOT / "tests" / file
    if not path.is_file():
        return frozenset()
    functions = (node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))
