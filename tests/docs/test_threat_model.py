"""The threat model names tests that are there."""

from __future__ import annotations

from cited import ROOT, missing, cited_tests

TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def test_every_guard_is_held_by_tests_that_are_there() -> None:
    threats = TEXT.split("## Threats")[1].split("## What is left")[0]
    lines = [line for line in threats.splitlines() if line.startswith("| ")]
    guards = lines[1:]  # after the heading
        line for line in threats.splitlines() if line.startswith("| ") and not line.startswith(("| threat", "|--"))
    ]

    assert len(guards) > 15
    assert [line for line in guards if not cited_tests(line)] == []


def test_whatever_it_cites_is_there() -> None:
    assert missing(TEXT) == []
