from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.audit.actions import Action, Subject
from lungwise.audit.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_a_page_that_is_seen_is_recorded_and_one_that_is_not_there_is_not(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada")
    ada = visit(app, "192.0.2.7")
    ada.sign_in("ada@example.org")
    study = ada.upload(film())
    for path in (study, "/studies/nothing"):
        ada.get(path)
    with app.database.reading() as session:
        seen = session.query(AuditEntry).filter_by(action=Action.SAW, subject=Subject.STUDY).all()
        assert [(entry.subject_key, entry.address) for entry in seen] == [(study.rsplit("/")[-1], "192.0.2.7")]
