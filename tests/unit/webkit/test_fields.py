from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.webkit.fields import FIELD_CHARACTERS, FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.web_app import Lungwise


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("x=" + "a" * FIELD_CHARACTERS, 200),
        ("x=" + "a" * (FIELD_CHARACTERS + 1), 422),
        ("note=" + "a" * (FIELD_CHARACTERS + 1), 200),
        ("a" * 101 + "=x", 422),
        ("x=a%00b", 422),
        ("&".join(["x=1"] * FIELDS), 200),
        ("&".join(["x=1"] * (FIELDS + 1)), 422),
    ],
)
def test_an_address_holds_what_a_form_can_send(
    query: str, status: int, app: Lungwise, visit: Callable[..., Visitor]
) -> None:
    assert visit(app).get(f"/sign-in?{query}").status_code == status


def test_an_address_that_is_not_text_is_refused(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    assert visit(app).get("/sign-in", environ_overrides={"QUERY_STRING": "x=\xff"}).status_code == 400


def test_pages_take_no_json(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    visitor = visit(app)
    token = visitor.get("/welcome").text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    answer = visitor.client.post("/welcome", json={}, headers={"X-CSRFToken": token})
    assert answer.status_code == 415
