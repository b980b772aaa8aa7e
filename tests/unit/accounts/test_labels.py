from __future__ import annotations

from lungwise.access import PEOPLE
from lungwise.accounts.labels import ROLES, SCOPES
from lungwise.accounts.tokens import Scope


def test_every_role_of_an_account_and_every_scope_has_a_label() -> None:
    assert set(ROLES) == set(PEOPLE)
    assert set(SCOPES) == set(Scope)
