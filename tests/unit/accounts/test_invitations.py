from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.errors import NotFound, Rejected

if TYPE_CHECKING:
    from conftest import Rooms

PASSWORD = "seven blue boats sail"


def test_an_invitation_opens_one_account_in_its_clinic_and_role(either_rooms: Rooms) -> None:
    admin = either_rooms.person()
    token = either_rooms.accounts.invitations.add(admin, " Eve@example.org", Role.RADIOLOGIST)
    assert [one.email for one in either_rooms.accounts.invitations.open(admin)] == ["eve@example.org"]
    user = either_rooms.accounts.accept(token, "Eve", PASSWORD)
    assert (user.clinic_id, user.role, user.active) == (admin.clinic_id, "radiologist", True)
    assert either_rooms.accounts.invitations.open(admin) == []
    with pytest.raises(Rejected, match="not valid"):
        either_rooms.accounts.accept(token, "Eve", PASSWORD)
    either_rooms.accounts.delete(admin, user.key)
    with pytest.raises(Rejected, match="not valid"):
        either_rooms.accounts.invitations.find(token)  # used is used, also when its account is gone


@pytest.mark.parametrize("token", ["", "nonsense", "WyJhIl0.Zm9v.YmFy"])
def test_a_forged_invitation_opens_nothing(token: str, rooms: Rooms) -> None:
    with pytest.raises(Rejected, match="not valid"):
        rooms.accounts.invitations.find(token)


def test_an_invitation_ends_when_it_is_taken_back_replaced_or_too_old(rooms: Rooms) -> None:
    admin, invitations = rooms.person(), rooms.accounts.invitations
    first = invitations.add(admin, "eve@example.org", Role.ADMINISTRATOR)
    second = invitations.add(admin, "eve@example.org", Role.DOCTOR)
    with pytest.raises(Rejected):
        invitations.find(first)
    invitations.take_back(admin, invitations.open(admin)[0].key)
    with pytest.raises(Rejected):
        invitations.find(second)
    third = invitations.add(admin, "eve@example.org", Role.DOCTOR)
    rooms.clock.forward(days=7)
    assert invitations.open(admin) == []
    with pytest.raises(Rejected):
        invitations.find(third)


def test_another_clinics_invitations_are_not_there(rooms: Rooms) -> None:
    hill, valley = rooms.person("Ada", "Hill"), rooms.person("Bob", "Valley")
    rooms.accounts.invitations.add(hill, "eve@example.org", Role.DOCTOR)
    (invitation,) = rooms.accounts.invitations.open(hill)
    assert rooms.accounts.invitations.open(valley) == []
    with pytest.raises(NotFound):
        rooms.accounts.invitations.take_back(valley, invitation.key)
    with pytest.raises(NotFound):
        rooms.accounts.invitations.open(rooms.person("Cay", "Hill", Role.DOCTOR))


def test_a_colleague_is_not_invited_again(rooms: Rooms) -> None:
    admin = rooms.person()
    with pytest.raises(Rejected, match="account already"):
        rooms.accounts.invitations.add(admin, "ADA.hill@example.org", Role.DOCTOR)
