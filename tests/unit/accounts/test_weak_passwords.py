from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.accounts.models import User
from lungwise.accounts.passwords import Passwords

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

NEW = "seven blue boats sail"


def test_who_signs_in_with_a_password_that_is_refused_today_chooses_another_first(
    app: Lungwise, settings: Settings, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    weak = "football2024"
    with app.database.writing() as session:
        session.query(User).one().password = Passwords(settings).hash(weak)
    ada = visit(app)
    assert ada.sign_in("ada@example.org", weak).status_code == 302
    for path in ("/studies", "/profile", "/profile/tokens", "/"):
        assert ada.get(path).headers["Location"] == "/password", path
    assert "too easy to guess" in ada.get("/password").text
    ada.post("/password", password=weak, new_password=weak + "!", new_password_confirm=weak + "!")
    assert ada.get("/studies").status_code == 302
    ada.post("/password", password=weak, new_password=NEW, new_password_confirm=NEW)
    assert ada.get("/studies").status_code == 200
    other = visit(app)
    other.sign_in("ada@example.org", NEW)
    assert other.get("/studies").status_code == 200
