from __future__ import annotations

import re
from pathlib import Path

import lungwise
from lungwise.audit.actions import Action, Subject
from lungwise.audit.labels import ACTIONS, SUBJECTS


def test_whatever_is_recorded_has_a_label() -> None:
    assert set(ACTIONS) == set(Action)
    assert set(SUBJECTS) == set(Subject)


def test_every_action_and_subject_is_recorded_somewhere() -> None:
    package = Path(lungwise.__file__).parent
    source = "\n".join(path.read_text() for path in package.rglob("*.py") if path.parent.name != "audit")
    source += (package / "audit" / "views.py").read_text()
    used = set(re.findall(r"\b(?:Action|Subject)\.([A-Z_]+)", source))
    assert used >= {one.name for one in (*Action, *Subject)}
