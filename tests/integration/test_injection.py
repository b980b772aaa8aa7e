"""SQL and HTML put into every field of every form."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from conftest import token_of
from lungwise.access import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

ON_A_PAGE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}${7*7}<%= 7*7 %>")
IN_A_DATABASE = (
    "' OR '1'='1' --",
    "'; DROP TABLE patients; --",
    "%(name)s %s {0}",
    "\x00\x1b[31m\r\nSet-Cookie: x=1",
    "क" * 5000,
    "-1",
)
ATTACKS = ON_A_PAGE + IN_A_DATABASE
EITHER = [*((attack, "sqlite") for attack in ATTACKS), *((attack, "mariadb") for attack in IN_A_DATABASE)]


class Forms(HTMLParser):
    """The forms of a page: where each is sent, and its fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append((given.get("action", ""), given.get("method", "get"), {}))
        elif tag in ("input", "select", "textarea") and self.found and "name" in given and given.get("type") != "file":
            self.found[-1][2][given["name"]] = given.get("value", "")


def attributes_of(page: str) -> set[str]:
    names: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            names.update(name for name, _value in attributes if name.startswith("on"))
            if tag == "script":
                names.update({"inline script"} if not any(name == "src" for name, _ in attributes) else ())

    Reader().feed(page)
    return names


@pytest.mark.parametrize(("attack", "either"), EITHER, indirect=["either"])
def test_no_form_runs_what_is_typed_into_it(
    attack: str,
    either_app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
) -> None:
    enrol(either_app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(either_app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1), name="Béla", identifier="7")
    patient = re.findall(r"/patients/\w+", ada.get(study).text)[0]
    pages = [
        study,
        patient,
        f"{patient}/change",
        "/clinic",
        "/studies",
        "/patients",
        "/studies/new",
        "/profile",
        "/accounts",
        "/audit",
    ]
    pages += ["/password", "/second-factor"]
    sent, token = 0, token_of(ada.get("/profile").text)
    for page in pages:
        for action, method, fields in Forms(ada.get(page).text).found:
            target = unescape(action) or page
            if target == "/sign-out" or "/delete" in target:
                continue
            for name in fields:
                if name == "csrf_token":
                    continue
                data: dict[str, Any] = {"csrf_token": token, **fields, name: attack}
                answer = ada.get(target, query_string=data) if method == "get" else ada.client.post(target, data=data)
                sent += 1
                assert answer.status_code < 500, f"{target} {name}"
                if answer.mimetype == "text/html":
                    assert not attributes_of(answer.text), f"{target} {name}"
    assert sent > 25
    assert not attributes_of(ada.get(study).text)
    assert ada.get(patient).status_code == 200


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_doors_run_nothing_either(
    attack: str, app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    for page in ("/sign-in", "/register", "/password/forgotten"):
        visitor = visit(app)
        for action, _method, fields in Forms(visitor.get(page).text).found:
            for name in fields:
                if name != "csrf_token":
                    data: dict[str, Any] = {**fields, name: attack}
                    answer = visitor.client.post(action or page, data=data)
                    assert answer.status_code < 500
                    assert not attributes_of(answer.text)
    assert visit(app).get(f"/invitation/{'x' * 50}").status_code == 422
