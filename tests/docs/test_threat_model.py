"""The threat model names a test for each guard; `test_citations.py` finds them."""

from __future__ import annotations

from cited import ROOT, cited_tests

TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def test_every_guard_is_held_by_tests() -> None:
    threats = TEXT.split("## Threats and protections")[1].split("## What remains")[0]
    guards = [line for line in threats.splitlines() if line.startswith("| ")][1:]

    assert len(guards) > 20
    assert [guard for guard in guards if not cited_tests(guard)] == []
