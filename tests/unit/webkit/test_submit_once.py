from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lungwise.webkit.submit_once import FIELD, form_key

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise


def test_a_form_has_a_new_key_and_keeps_it_when_it_is_shown_again(app: Lungwise) -> None:
    with app.test_request_context("/"):
        key = form_key()
        assert re.fullmatch("[0-9a-f]{20}", key)
        assert form_key() != key
    with app.test_request_context("/", method="POST", data={FIELD: key}):
        assert form_key() == key


@pytest.mark.parametrize("sent", ["", "x" * 20, "a" * 19, "a" * 21])
def test_what_is_not_a_key_is_replaced(sent: str, app: Lungwise) -> None:
    with app.test_request_context("/", method="POST", data={FIELD: sent}):
        assert form_key() != sent
