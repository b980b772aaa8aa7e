"""The threat model names tests that are there."""

from __future__ import annotations

from cited import ROOT, cited_tests, missing

TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def test_every_guard_is_held_by_tests() -> None:
    threats = TEXT.split("## Threats")[1].split("## What is left")[0]
    guards = [line for line in threats.splitlines() if line.startswith("| ")][1:]

    assert len(guards) > 20
    assert [guard for guard in guards if not cited_tests(guard)] == []


def test_whatever_it_cites_is_there() -> None:
    assert missing(TEXT) == []
