from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.access import Role
from lungwise.accounts.models import Mail, User
from lungwise.accounts.notices import NOTICES, notify
from lungwise.audit.actions import Action
from lungwise.audit.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


def test_a_change_is_recorded_and_its_owner_gets_a_mail(
    app: Lungwise, settings: Settings, enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.DOCTOR)
    with app.test_request_context("/", method="POST"):
        app.preprocess_request()
        from lungwise.webkit.transactions import request_session

        notify(request_session().query(User).one(), Action.CHANGED_PASSWORD)
        request_session().commit()
        app.do_teardown_request()
    with app.database.reading() as session:
        assert session.query(AuditEntry).filter_by(action=Action.CHANGED_PASSWORD).count() == 1
        assert session.query(Mail).count() == bool(settings.smtp_host)


def test_every_notice_is_a_sentence() -> None:
    assert all(sentence.endswith(".") for sentence in NOTICES.values())
