from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.access import Right, Role
from lungwise.accounts.tokens import Scope, Tokens, person_of
from lungwise.errors import NotFound, Rejected

if TYPE_CHECKING:
    from conftest import Rooms


@pytest.fixture
def tokens(rooms: Rooms) -> Tokens:
    return Tokens(rooms.session, rooms.clock, rooms.audit)


def test_a_token_gives_its_owner_within_its_scopes(either_rooms: Rooms) -> None:
    tokens = Tokens(either_rooms.session, either_rooms.clock, either_rooms.audit)
    ada = either_rooms.person("Ada")
    _, text = tokens.add(ada, "script", [Scope.UPLOAD], 30)
    token = tokens.check(text)
    assert token is not None
    person = person_of(token)
    assert (person.id, person.name, person.clinic_id, person.role) == (ada.id, "Ada", ada.clinic_id, ada.role)
    assert {right for right in Right if person.may(right)} == {Right.SEE, Right.UPLOAD}


def test_only_a_hash_is_kept(rooms: Rooms, tokens: Tokens) -> None:
    token, text = tokens.add(rooms.person(), "script", [], 30)
    kept = [str(getattr(token, column.key)) for column in token.__table__.columns]
    assert not any(text in value or text[3:] in value for value in kept)


def test_a_token_ends_when_it_expires(rooms: Rooms, tokens: Tokens) -> None:
    _, text = tokens.add(rooms.person(), "script", [], 1)
    rooms.clock.forward(hours=23, minutes=59)
    assert tokens.check(text) is not None
    rooms.clock.forward(minutes=1)
    assert tokens.check(text) is None


@pytest.mark.parametrize("text", ["", "lw_", "lw_" + "A" * 43, "\u0000", "lw_é"])
def test_what_is_no_token_gives_nobody(text: str, rooms: Rooms, tokens: Tokens) -> None:
    tokens.add(rooms.person(), "script", [], 1)
    assert tokens.check(text) is None


def test_a_revoked_token_gives_nobody_and_is_listed_no_more(rooms: Rooms, tokens: Tokens) -> None:
    ada = rooms.person()
    token, text = tokens.add(ada, "script", [], 30)
    tokens.revoke(ada, token.key)
    assert tokens.check(text) is None
    assert tokens.own(ada) == []


def test_a_disabled_accounts_own_token_ends_and_its_machines_go_on(rooms: Rooms, tokens: Tokens) -> None:
    user = rooms.user("Ada", "Hill", Role.ADMINISTRATOR)
    _, own = tokens.add(user.person, "script", [], 30)
    _, machine = tokens.add(user.person, "archive", [], 30, machine=True)
    rooms.accounts.set_active(rooms.person("Bea"), user.key, active=False)
    assert tokens.check(own) is None
    found = tokens.check(machine)
    assert found is not None
    assert person_of(found).name == "archive"


def test_only_an_administrator_makes_and_ends_a_machines_token(rooms: Rooms, tokens: Tokens) -> None:
    ada, bob = rooms.person("Ada"), rooms.person("Bob", role=Role.DOCTOR)
    with pytest.raises(NotFound):
        tokens.add(bob, "archive", [], 30, machine=True)
    token, _ = tokens.add(ada, "archive", [], 30, machine=True)
    with pytest.raises(NotFound):
        tokens.revoke(bob, token.key)
    tokens.revoke(rooms.person("Cyd"), token.key)
    assert tokens.machines(ada) == []


def test_nobody_ends_anothers_token(rooms: Rooms, tokens: Tokens) -> None:
    ada, eve = rooms.person("Ada"), rooms.person("Eve", "Valley")
    own, _ = tokens.add(ada, "script", [], 30)
    machine, _ = tokens.add(ada, "archive", [], 30, machine=True)
    for token in (own, machine):
        with pytest.raises(NotFound):
            tokens.revoke(eve, token.key)


@pytest.mark.parametrize(("name", "days"), [(" ", 30), ("script", 0), ("script", 367)])
def test_a_token_without_a_name_or_for_ever_is_not_made(name: str, days: int, rooms: Rooms, tokens: Tokens) -> None:
    with pytest.raises(Rejected):
        tokens.add(rooms.person(), name, [], days)


def test_use_is_kept_and_audited_once_a_day(rooms: Rooms, tokens: Tokens) -> None:
    token, _ = tokens.add(rooms.person(), "script", [], 30)
    begun = rooms.audit.head()[0]
    for _ in range(3):
        assert tokens.is_newly_used(token)
        tokens.used(token.key)
        assert not tokens.is_newly_used(token)
        rooms.clock.forward(hours=1)
    assert rooms.audit.head()[0] == begun + 1
    rooms.clock.forward(days=2)
    tokens.used(token.key)
    assert rooms.audit.head()[0] == begun + 2
