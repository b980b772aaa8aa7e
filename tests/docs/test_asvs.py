"""The table of OWASP ASVS is whole, and what it cites is there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lungwise
from cited import ROOT, cited_files, cited_tests, missing

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise

LEVEL_2 = {
    "2.1": "1 2 3 4 5 6 7 8 9 10 11 12",
    "2.2": "1 2 3",
    "2.3": "1 2 3",
    "2.4": "1 2 3 4 5",
    "2.5": "1 2 3 4 5 6 7",
    "2.6": "1 2 3",
    "2.7": "1 2 3 4 5 6",
    "2.8": "1 2 3 4 5 6 7",
    "2.9": "1 2 3",
    "2.10": "1 2 3 4",
    "3.1": "1",
    "3.2": "1 2 3 4",
    "3.3": "1 2 3 4",
    "3.4": "1 2 3 4 5",
    "3.5": "1 2 3",
    "3.7": "1",
    "4.1": "1 2 3 5",
    "4.2": "1 2",
    "4.3": "1 2 3",
    "5.1": "1 2 3 4 5",
    "5.2": "1 2 3 4 5 6 7 8",
    "5.3": "1 2 3 4 5 6 7 8 9 10",
    "5.4": "1 2 3",
    "5.5": "1 2 3 4",
    "6.1": "1 2 3",
    "6.2": "1 2 3 4 5 6",
    "6.3": "1 2",
    "6.4": "1 2",
    "7.1": "1 2 3 4",
    "7.2": "1 2",
    "7.3": "1 3 4",
    "7.4": "1 2 3",
    "8.1": "1 2 3 4",
    "8.2": "1 2 3",
    "8.3": "1 2 3 4 5 6 7 8",
    "12.1": "1 2 3",
    "12.2": "1",
    "12.3": "1 2 3 4 5 6",
    "12.4": "1 2",
    "12.5": "1 2",
    "12.6": "1",
    "13.1": "1 3 4 5",
    "13.2": "1 2 3 5 6",
    "13.3": "1 2",
    "13.4": "1 2",
    "14.1": "1 2 3 4",
    "14.2": "1 2 3 4 5 6",
    "14.3": "2 3",
    "14.4": "1 2 3 4 5 6 7",
    "14.5": "1 2 3 4",
}
"""Release 4.0.3: the requirements of level 2 in each section of the chapters that the table takes up."""
NUMBERS = [f"{section}.{number}" for section, numbers in LEVEL_2.items() for number in numbers.split()]
NEVER_OPEN = (
    *("2.1.1", "2.1.7", "2.2.1", "2.2.3", "2.5.5", "2.5.6", "2.6.2", "2.8.1", "2.8.4", "2.8.5", "3.3.4", "3.4.1"),
    *("3.4.3", "3.7.1", "4.3.1", "5.1.3", "7.1.3", "7.2.1", "7.2.2", "7.3.3", "8.2.1", "12.1.1", "14.2.5"),
)
"""What a clinic may rely on."""


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement, and how Lungwise stands against it."""

    number: str
    asks: str
    state: str
    why: str


def rows() -> list[Row]:
    lines = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8").splitlines()
    cells = [re.split(r" ?\| ?", line)[1:-1] for line in lines if re.match(r"\| \d", line)]
    return [Row(*row) for row in cells]


def test_every_requirement_is_there_once_and_in_order() -> None:
    assert len(NUMBERS) == 201
    assert [row.number for row in rows()] == NUMBERS


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.number)
def test_a_row_says_how_or_why_not_and_what_it_cites_is_there(row: Row) -> None:
    assert row.state in ("met", "n/a", "open")
    assert row.asks and row.why
    assert missing(row.why) == []
    assert row.state != "met" or cited_tests(row.why) or cited_files(row.why)


def test_what_a_clinic_may_rely_on_is_not_open() -> None:
    states = {row.number: row.state for row in rows()}
    assert {number: states[number] for number in NEVER_OPEN} == dict.fromkeys(NEVER_OPEN, "met")


def test_no_folder_is_listed_and_only_known_kinds_of_files_are_served(app: Lungwise) -> None:
    static, client = Path(lungwise.__file__).parent / "static", app.test_client()
    files = [file.relative_to(static) for file in static.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} <= {".css", ".js", ".svg", ".woff2"}
    assert all(client.get(f"/static/{file}", buffered=True).status_code == 200 for file in files)
    for folder in {static, *(path for path in static.rglob("*") if path.is_dir())}:
        for end in ("", "/"):
            assert client.get(f"/static/{folder.relative_to(static)}{end}").status_code in (308, 404)
    assert client.get("/static/../settings.py").status_code == 404
