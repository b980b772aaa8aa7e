from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from werkzeug.datastructures import MultiDict

from lungwise.accounts.forms import InviteForm, ProfileForm, TokenForm, WelcomeForm
from lungwise.accounts.tokens import Scope
from lungwise.webkit.forms import PageForm

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise


@pytest.mark.parametrize(
    ("email", "role", "wrong"),
    [
        ("bob@example.org", "doctor", []),
        ("", "doctor", ["email"]),
        ("bob", "doctor", ["email"]),
        ("bob@example.org", "node", ["role"]),
    ],
)
def test_an_invitation_needs_an_address_and_a_persons_role(
    email: str, role: str, wrong: list[str], app: Lungwise
) -> None:
    with app.test_request_context("/accounts"):
        form = InviteForm(MultiDict({"email": email, "role": role}), meta={"csrf": False})
        assert form.validate() is not bool(wrong)
        assert [field.name for field in form if field.errors] == wrong


def test_a_name_is_one_line(app: Lungwise) -> None:
    with app.test_request_context("/profile"):
        form = ProfileForm(MultiDict({"name": "Ada\nBob", "language": ""}), meta={"csrf": False})
        assert not form.validate()
        assert form.name.errors


@pytest.mark.parametrize(("kind", "field"), [(ProfileForm, "name"), (WelcomeForm, "clinic_name"), (TokenForm, "name")])
def test_a_name_is_more_than_blanks(kind: type[PageForm], field: str, app: Lungwise) -> None:
    with app.test_request_context("/profile"):
        form = kind(MultiDict({field: "  "}), meta={"csrf": False})
        form.validate()
        assert form[field].errors


def test_a_token_is_not_asked_whether_it_may_see_because_every_one_may(app: Lungwise) -> None:
    with app.test_request_context("/profile/tokens"):
        offered = {value for value, *_ in TokenForm(meta={"csrf": False}).scopes.iter_choices()}
    assert offered == {scope.value for scope in Scope} - {Scope.SEE}
