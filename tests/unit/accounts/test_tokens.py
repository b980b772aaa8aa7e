from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.access import Right, Role
from lungwise.accounts.tokens import Scope, Tokens, person_of
from lungwise.errors import NotFound, Rejected

if TYPE_CHECKING:
    from conftest import Services


@pytest.fixture
def tokens(services: Services) -> Tokens:
    return Tokens(services.session, services.clock, services.audit)


def test_a_token_gives_its_owner_within_its_scopes(either_services: Services) -> None:
    tokens = Tokens(either_services.session, either_services.clock, either_services.audit)
    ada = either_services.person("Ada")
    _, text = tokens.add(ada, "script", [Scope.UPLOAD], 30)
    token = tokens.check(text)
    assert token is not None
    person = person_of(token)
    assert (person.id, person.name, person.clinic_id, person.role) == (ada.id, "Ada", ada.clinic_id, ada.role)
    assert {right for right in Right if person.may(right)} == {Right.SEE, Right.SEE_ALL, Right.UPLOAD}


def test_only_a_hash_is_kept(services: Services, tokens: Tokens) -> None:
    token, text = tokens.add(services.person(), "script", [], 30)
    kept = [str(getattr(token, column.key)) for column in token.__table__.columns]
    assert not any(text in value or text[3:] in value for value in kept)


def test_a_token_ends_when_it_expires(services: Services, tokens: Tokens) -> None:
    _, text = tokens.add(services.person(), "script", [], 1)
    services.clock.forward(hours=23, minutes=59)
    assert tokens.check(text) is not None
    services.clock.forward(minutes=1)
    assert tokens.check(text) is None


@pytest.mark.parametrize("text", ["", "lw_", "lw_" + "A" * 43, "\u0000", "lw_é"])
def test_what_is_no_token_gives_nobody(text: str, services: Services, tokens: Tokens) -> None:
    tokens.add(services.person(), "script", [], 1)
    assert tokens.check(text) is None


def test_a_revoked_token_gives_nobody_and_is_listed_no_more(services: Services, tokens: Tokens) -> None:
    ada = services.person()
    token, text = tokens.add(ada, "script", [], 30)
    tokens.revoke(ada, token.key)
    assert tokens.check(text) is None
    assert tokens.own(ada) == []


def test_a_disabled_accounts_own_token_ends_and_its_machines_go_on(services: Services, tokens: Tokens) -> None:
    user = services.user("Ada", "Hill", Role.ADMINISTRATOR)
    _, own = tokens.add(user.person, "script", [], 30)
    _, machine = tokens.add(user.person, "archive", [], 30, machine=True)
    services.accounts.set_active(services.person("Bea"), user.key, active=False)
    assert tokens.check(own) is None
    found = tokens.check(machine)
    assert found is not None
    assert person_of(found).name == "archive"


def test_a_machines_token_keeps_its_scopes_when_its_maker_becomes_a_doctor_and_when_deleted(
    either_services: Services,
) -> None:
    tokens = Tokens(either_services.session, either_services.clock, either_services.audit)
    ada, bob = either_services.person("Ada"), either_services.user("Bob", "Hill", Role.ADMINISTRATOR)
    machine, _ = tokens.add(bob.person, "archive", [Scope.DELETE], 30, machine=True)
    own, _ = tokens.add(bob.person, "script", [Scope.DELETE], 30)
    scopes = {Right.SEE, Right.SEE_ALL, Right.DELETE}

    either_services.accounts.change_role(ada, bob.key, Role.DOCTOR)

    assert {right for right in Right if person_of(machine).may(right)} == scopes
    assert not person_of(own).may(Right.DELETE)
    either_services.accounts.delete(ada, bob.key)
    assert {right for right in Right if person_of(machine).may(right)} == scopes


def test_only_an_administrator_makes_and_ends_a_machines_token(services: Services, tokens: Tokens) -> None:
    ada, bob = services.person("Ada"), services.person("Bob", role=Role.DOCTOR)
    with pytest.raises(NotFound):
        tokens.add(bob, "archive", [], 30, machine=True)
    token, _ = tokens.add(ada, "archive", [], 30, machine=True)
    with pytest.raises(NotFound):
        tokens.revoke(bob, token.key)
    tokens.revoke(services.person("Cyd"), token.key)
    assert tokens.machines(ada) == []


def test_nobody_ends_anothers_token(services: Services, tokens: Tokens) -> None:
    ada, eve = services.person("Ada"), services.person("Eve", "Valley")
    own, _ = tokens.add(ada, "script", [], 30)
    machine, _ = tokens.add(ada, "archive", [], 30, machine=True)
    for token in (own, machine):
        with pytest.raises(NotFound):
            tokens.revoke(eve, token.key)


@pytest.mark.parametrize(("name", "days"), [(" ", 30), ("script", 0), ("script", 367)])
def test_a_token_without_a_name_or_for_ever_is_not_made(
    name: str, days: int, services: Services, tokens: Tokens
) -> None:
    with pytest.raises(Rejected):
        tokens.add(services.person(), name, [], days)


def test_use_is_kept_and_audited_once_a_day(services: Services, tokens: Tokens) -> None:
    token, _ = tokens.add(services.person(), "script", [], 30)
    begun = services.audit.head()[0]
    for _ in range(3):
        assert tokens.is_newly_used(token)
        tokens.used(token.key)
        assert not tokens.is_newly_used(token)
        services.clock.forward(hours=1)
    assert services.audit.head()[0] == begun + 1
    services.clock.forward(days=2)
    tokens.used(token.key)
    assert services.audit.head()[0] == begun + 2
