from __future__ import annotations

import pytest

from lungwise.cli.progress import counted, progress


def test_what_is_counted_passes_through(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(counted(iter("abc"), "Reading", 3)) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")  # there is no terminal


def test_a_terminal_shows_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress() as report:
        report("Reading films", 2, 3)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Reading films" in printed.err
    assert "2/3" in printed.err
