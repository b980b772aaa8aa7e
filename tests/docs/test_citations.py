"""What the documents cite exists: tests, files, modules, commands, settings, targets and addresses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cited import ROOT, cited_addresses, missing, missing_elsewhere
from lungwise.api.app import PREFIX as API
from lungwise.dicomweb.app import PREFIX as DICOMWEB

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise

HISTORY = ROOT / "docs" / "experiments"
"""It tells of what was, and names it as it was called."""
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if HISTORY not in page.parents]


def text_of(page: Path) -> str:
    """Read a page; what a decision lists as gone is not expected to be there."""
    return re.sub(r"^\*\*What is gone\*\*.*?(?=\n\n|\Z)", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def rules(app: Lungwise) -> set[str]:
    """Every address, each variable part as a star; those of API and DICOMweb with their prefix and without."""
    parts = (("", app), (API, app.api), ("", app.api), (DICOMWEB, app.dicomweb), ("", app.dicomweb))
    return {pattern_of(prefix + rule.rule) for prefix, part in parts for rule in part.url_map.iter_rules()}


def pattern_of(address: str) -> str:
    return re.sub(r"<[^>]+>|\{[^}]+\}|(?<=/)[A-Z]+(?=/|$)", "*", address).rstrip("/")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_tests_and_files_are_there(page: Path) -> None:
    assert missing(text_of(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_modules_commands_settings_and_targets_are_there(page: Path) -> None:
    assert missing_elsewhere(text_of(page)) == []


def test_addresses_are_there(rules: set[str]) -> None:
    named = {(name_of(page), address) for page in PAGES for address in cited_addresses(text_of(page))}
    assert len(named) > 50
    assert sorted(one for one in named if pattern_of(one[1]) not in rules | {API, DICOMWEB}) == []


@pytest.mark.parametrize(
    "text",
    [
        "`tests/docs/test_citations.py::test_of_nothing`",
        "`unit/films/test_nothing.py`",
        "`src/lungwise/nothing/`",
        "`nothing.py`",
    ],
)
def test_what_is_not_there_is_named(text: str) -> None:
    assert missing(text) == [text.strip("`").rstrip()]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("`lungwise.nothing`", "lungwise.nothing"),
        ("from lungwise.films.nothing import", "lungwise.films.nothing"),
        ("```sh\nlungwise nothing\n```", "lungwise nothing"),
        ("`lungwise db nothing`", "lungwise db nothing"),
        ("`/opt/lungwise/bin/lungwise read --nothing`", "lungwise read --nothing"),
        ("LUNGWISE_NOTHING", "nothing"),
        ("the setting `nothing`", "nothing"),
        ("`make nothing`", "make nothing"),
    ],
)
def test_whatever_else_is_not_there_is_named(text: str, name: str) -> None:
    assert missing_elsewhere(text) == [name]
