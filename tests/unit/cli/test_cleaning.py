from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lungwise.cli.cleaning import Cleaned
from lungwise.store.cleaning import Orphan
from lungwise.store.film_store import StoredFile


def orphan(name: str, days: int) -> Orphan:
    since = datetime(2026, 3, 2, tzinfo=UTC)
    file = StoredFile(study="ab12", name=name, since=since, path=f"ab/ab12/{name}")
    return Orphan(file=file, age=timedelta(days=days))


def test_a_summary_names_what_was_done_with_each_file(capsys: pytest.CaptureFixture[str]) -> None:
    cleaned = Cleaned(
        left=[orphan("e", 0), orphan("f", 3)],
        back=[orphan("b", 2)],
        moved=[orphan("c", 4)],
        purged=[orphan("d", 40)],
        refused="",
    )
    cleaned.print_summary()
    printed = capsys.readouterr().out
    assert "Brought back from quarantine, for its film needs it: study ab12, film b, 2 days old\n" in printed
    assert "Moved into quarantine: study ab12, film c, 4 days old\n" in printed
    assert "Deleted from quarantine: study ab12, film d, 40 days old\n" in printed
    assert "Files without a row: 1 under an hour, 1 under 30 days." in printed


def test_nothing_is_printed_of_a_clean_store(capsys: pytest.CaptureFixture[str]) -> None:
    Cleaned(left=[], back=[], moved=[], purged=[], refused="").print_summary()
    assert capsys.readouterr().out == ""


def test_programs_get_the_same_in_json() -> None:
    cleaned = Cleaned(left=[], back=[], moved=[orphan("c", 4)], purged=[], refused="")
    assert cleaned.as_json == {
        "orphans": [],
        "brought_back": [],
        "moved": [{"study": "ab12", "film": "c", "age_seconds": 4 * 86400}],
        "purged": [],
        "refused": "",
    }
