from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.languages import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


@pytest.mark.parametrize(("accepted", "language"), [("fr-CA, fr;q=0.9, en;q=0.8", "fr"), ("xx", "en"), ("hi", "hi")])
def test_a_page_speaks_the_browsers_language_or_the_installations(
    accepted: str, language: str, app: Lungwise, visit: Callable[..., Visitor]
) -> None:
    page = visit(app).get("/welcome", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}"' in page


def test_an_account_chooses_its_own(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.post("/profile", name="Ada", language="es")
    assert '<html lang="es"' in ada.get("/studies", headers={"Accept-Language": "fr"}).text
    assert "es" in LANGUAGES
