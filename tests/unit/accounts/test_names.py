"""The names of a clinic's accounts: no two are alike, however an account is opened and whatever its owner changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.accounts.service import Applicant, User
from lungwise.accounts.tokens import Tokens
from lungwise.errors import Rejected
from lungwise.settings import Registration

if TYPE_CHECKING:
    from conftest import Services

PASSWORD = "three green kites fly"
SPELLINGS = ["Rosa Klee", "rosa klee", " Rosa  Klee", "RosaKlee", "\uff32osa Klee", "Rosa\u200b Klee"]


@pytest.fixture
def rosa(services: Services) -> User:
    """Give the account of a radiologist."""
    return services.accounts.add(Applicant("Rosa Klee", "rosa@example.org", PASSWORD), "Hill", Role.RADIOLOGIST)


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_nobody_takes_a_colleague_s_name_however_it_is_spelt(spelt: str, services: Services, rosa: User) -> None:
    ben = services.user("Ben", rosa.clinic.name, Role.DOCTOR)

    with pytest.raises(Rejected, match="tells you apart"):
        services.accounts.change_name(ben, spelt)
    assert ben.name == "Ben"


def test_one_s_own_name_may_be_spelt_anew_and_another_clinic_s_is_free(services: Services, rosa: User) -> None:
    eve = services.user("Eve", "Valley", Role.DOCTOR)

    services.accounts.change_name(rosa, "ROSA KLEE")
    services.accounts.change_name(eve, "Rosa Klee")

    assert (rosa.name, eve.name) == ("ROSA KLEE", "Rosa Klee")


def test_a_name_is_free_once_its_account_is_deleted(services: Services, rosa: User) -> None:
    ada = services.user("Ada", "Hill", Role.ADMINISTRATOR)
    services.accounts.delete(ada.person, rosa.key)

    services.accounts.change_name(ada, "Rosa Klee")

    assert ada.name == "Rosa Klee"


@pytest.mark.parametrize("spelt", SPELLINGS[::4])
def test_a_namesake_s_new_account_has_its_address_beside_the_name(spelt: str, services: Services, rosa: User) -> None:
    accounts, clinic = services.accounts, rosa.clinic_id
    rosa.clinic.registration = Registration.OPEN
    ada = services.user("Ada", "Hill", Role.ADMINISTRATOR)
    token = accounts.invitations.add(ada.person, "invited@example.org", Role.DOCTOR)

    opened = [
        accounts.add(Applicant(spelt, "added@example.org", PASSWORD), "Hill", Role.DOCTOR),
        accounts.register(Applicant(spelt, "registered@example.org", PASSWORD), clinic),
        accounts.accept(token, spelt, PASSWORD),
        accounts.open_without_password(spelt, "provided@example.org", clinic, Role.DOCTOR),
    ]

    for user, address in zip(opened, ("added", "registered", "invited", "provided"), strict=True):
        assert user is not None
        assert user.name.strip() == f"{spelt.strip()} ({address}@example.org)"


def test_a_namesake_s_longest_name_and_address_fit(services: Services, rosa: User) -> None:
    name, address = "R" * 120, f"{'a' * 60}@{'b' * 50}.example.org"
    services.accounts.change_name(rosa, name)

    user = services.accounts.open_without_password(name, address, rosa.clinic_id, Role.DOCTOR)

    assert user.name == f" ({address})"[:120].rjust(120, "R")


@pytest.mark.parametrize("spelt", SPELLINGS[::4])
def test_a_machine_is_not_named_like_a_person(spelt: str, services: Services, rosa: User) -> None:
    ada = services.user("Ada", "Hill", Role.ADMINISTRATOR)
    tokens = Tokens(services.session, services.clock, services.audit)

    with pytest.raises(Rejected, match="name of the machine"):
        tokens.add(ada.person, spelt, [], 30, machine=True)
    assert tokens.add(ada.person, spelt, [], 30)[0].name == spelt.strip()
    assert rosa.name == "Rosa Klee"
