from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import open_app
from lungwise.accounts.models import Mail

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


def test_without_a_mail_server_no_mail_is_queued(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    assert visit(app).post("/password/forgotten", page="/welcome", email="ada@example.org").status_code == 200
    with app.database.reading() as session:
        assert session.query(Mail).count() == 0


@pytest.mark.parametrize("email", ["ada@example.org", "eve@example.org"])
def test_an_address_gets_one_mail_queued_whether_or_not_it_has_an_account(
    email: str,
    settings: Settings,
    clock: Clock,
    migrate: Callable[[Settings], None],
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
) -> None:
    migrate(settings)
    changes = {"smtp_host": "127.0.0.1", "public_url": "http://localhost"}
    for app in open_app(settings.model_copy(update=changes), clock):
        enrol(app, "Ada")
        assert visit(app).post("/password/forgotten", email=email).status_code == 200
        with app.database.reading() as session:
            assert session.query(Mail).count() == 1
