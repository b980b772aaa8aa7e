from __future__ import annotations

from lungwise.audit.actions import Action, Subject
from lungwise.audit.models import AuditEntry


def test_every_value_fits_its_column() -> None:
    columns = AuditEntry.__table__.columns
    assert max(map(len, Action)) <= columns["deed"].type.length  # type: ignore[attr-defined]
    assert max(map(len, Subject)) <= columns["subject"].type.length  # type: ignore[attr-defined]


def test_an_actions_value_is_what_is_signed_since_the_first_release() -> None:
    assert all(action.value == action.name.lower().replace("_", " ") for action in (*Action, *Subject))
