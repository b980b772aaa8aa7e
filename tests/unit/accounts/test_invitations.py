from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.errors import NotFound, Rejected

if TYPE_CHECKING:
    from conftest import Services

PASSWORD = "seven blue boats sail"


def test_an_invitation_opens_one_account_in_its_clinic_and_role(either_services: Services) -> None:
    admin = either_services.person()
    token = either_services.accounts.invitations.add(admin, " Eve@example.org", Role.RADIOLOGIST)
    assert [one.email for one in either_services.accounts.invitations.open(admin)] == ["eve@example.org"]
    user = either_services.accounts.accept(token, "Eve", PASSWORD)
    assert (user.clinic_id, user.role, user.active) == (admin.clinic_id, "radiologist", True)
    assert either_services.accounts.invitations.open(admin) == []
    with pytest.raises(Rejected, match="no longer valid"):
        either_services.accounts.accept(token, "Eve", PASSWORD)
    either_services.accounts.delete(admin, user.key)
    with pytest.raises(Rejected, match="no longer valid"):
        either_services.accounts.invitations.find(token)  # used is used, also when its account is gone


@pytest.mark.parametrize("token", ["", "nonsense", "WyJhIl0.Zm9v.YmFy"])
def test_a_forged_invitation_opens_nothing(token: str, services: Services) -> None:
    with pytest.raises(Rejected, match="no longer valid"):
        services.accounts.invitations.find(token)


def test_an_invitation_ends_when_it_is_taken_back_replaced_or_too_old(services: Services) -> None:
    admin, invitations = services.person(), services.accounts.invitations
    first = invitations.add(admin, "eve@example.org", Role.ADMINISTRATOR)
    second = invitations.add(admin, "eve@example.org", Role.DOCTOR)
    with pytest.raises(Rejected):
        invitations.find(first)
    invitations.take_back(admin, invitations.open(admin)[0].key)
    with pytest.raises(Rejected):
        invitations.find(second)
    third = invitations.add(admin, "eve@example.org", Role.DOCTOR)
    services.clock.forward(days=7)
    assert invitations.open(admin) == []
    with pytest.raises(Rejected):
        invitations.find(third)


def test_another_clinics_invitations_are_not_there(services: Services) -> None:
    hill, valley = services.person("Ada", "Hill"), services.person("Bob", "Valley")
    services.accounts.invitations.add(hill, "eve@example.org", Role.DOCTOR)
    (invitation,) = services.accounts.invitations.open(hill)
    assert services.accounts.invitations.open(valley) == []
    with pytest.raises(NotFound):
        services.accounts.invitations.take_back(valley, invitation.key)
    with pytest.raises(NotFound):
        services.accounts.invitations.open(services.person("Cay", "Hill", Role.DOCTOR))


def test_a_colleague_is_not_invited_again(services: Services) -> None:
    admin = services.person()
    with pytest.raises(Rejected, match="already has an account"):
        services.accounts.invitations.add(admin, "ADA.hill@example.org", Role.DOCTOR)
