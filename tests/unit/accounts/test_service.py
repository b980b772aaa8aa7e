from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.accounts.person import RIGHTS, Right, Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.errors import NotFound, Rejected
from lungwise.settings import Registration

if TYPE_CHECKING:
    from conftest import Rooms

EVE = Applicant("Eve", "Eve@Example.org", "seven blue boats sail")


def with_policy(rooms: Rooms, policy: Registration) -> Accounts:
    settings = rooms.settings.model_copy(update={"registration": policy})
    return Accounts(rooms.session, rooms.clock, settings, rooms.audit)


def test_every_role_has_its_rights_and_only_administrators_administer() -> None:
    assert set(RIGHTS) == set(Role)
    assert [role for role in Role if Right.ADMINISTER in RIGHTS[role]] == [Role.ADMINISTRATOR]


def test_an_approved_registration_waits_until_it_is_approved(rooms: Rooms) -> None:
    admin = rooms.person()
    user = with_policy(rooms, Registration.APPROVED).register(EVE, admin.clinic_id)
    assert user is not None
    assert user.waits
    assert not user.active
    rooms.accounts.approve(admin, user.key)
    assert user.active
    assert not user.waits


def test_an_open_registration_may_sign_in_at_once(rooms: Rooms) -> None:
    admin = rooms.person()
    user = with_policy(rooms, Registration.OPEN).register(EVE, admin.clinic_id)
    assert user is not None
    assert user.active


def test_registering_an_address_again_changes_nothing(rooms: Rooms) -> None:
    admin = rooms.person()
    accounts = with_policy(rooms, Registration.OPEN)
    first = accounts.register(EVE, admin.clinic_id)
    assert first is not None
    before = first.password
    assert accounts.register(Applicant("Mallory", "eve@example.org", "nine red trees grow"), admin.clinic_id) is None
    assert (first.name, first.password) == ("Eve", before)


def test_an_address_in_another_spelling_is_the_same_account(rooms: Rooms) -> None:
    admin = rooms.person()
    accounts = with_policy(rooms, Registration.OPEN)
    first = accounts.register(Applicant("Eve", " Eve@exa\u24dcple.org", "seven blue boats sail"), admin.clinic_id)
    assert first is not None
    assert first.email == "eve@example.org"
    for spelling in ("eve@example\u3002org", "EVE@EXAMPLE.ORG", "eve@example.org "):
        assert accounts.by_email(spelling) is first
        assert accounts.register(Applicant("Eve", spelling, "nine red trees grow"), admin.clinic_id) is None
        with pytest.raises(Rejected, match="already"):
            accounts.add(Applicant("Eve", spelling, "nine red trees grow"), "Hill", Role.DOCTOR)


def test_what_is_no_address_has_no_account(rooms: Rooms) -> None:
    with pytest.raises(Rejected, match="e-mail address"):
        rooms.accounts.add(Applicant("Eve", "eve@clinic", "seven blue boats sail"), "Hill", Role.DOCTOR)
    assert rooms.accounts.by_email("eve@clinic") is None


def test_without_an_invitation_nobody_registers_where_one_is_needed(rooms: Rooms) -> None:
    with pytest.raises(Rejected, match="invitation"):
        with_policy(rooms, Registration.INVITATION).register(EVE, rooms.person().clinic_id)


def test_an_invitation_opens_one_account_in_its_clinic_and_role(rooms: Rooms) -> None:
    admin = rooms.person()
    token = rooms.accounts.invite(admin, "eve@example.org", Role.RADIOLOGIST)
    user = rooms.accounts.accept(token, "Eve", EVE.password)
    assert (user.clinic_id, user.role, user.active) == (admin.clinic_id, "radiologist", True)
    with pytest.raises(Rejected, match="not valid"):
        rooms.accounts.accept(token, "Eve", EVE.password)


@pytest.mark.parametrize("token", ["", "nonsense", "WyJhIl0.Zm9v.YmFy"])
def test_a_forged_invitation_opens_nothing(token: str, rooms: Rooms) -> None:
    with pytest.raises(Rejected, match="not valid"):
        rooms.accounts.invitation(token)


def test_an_administrator_does_not_see_another_clinics_accounts(rooms: Rooms) -> None:
    hill, valley = rooms.person("Ada", "Hill"), rooms.user("Bob", "Valley", Role.DOCTOR)
    assert [user.clinic_id for user in rooms.accounts.colleagues(hill)] == [hill.clinic_id]
    with pytest.raises(NotFound):
        rooms.accounts.set_active(hill, valley.key, active=False)


def test_a_doctor_administers_nothing(rooms: Rooms) -> None:
    doctor = rooms.person("Bob", role=Role.DOCTOR)
    with pytest.raises(NotFound):
        rooms.accounts.colleagues(doctor)


def test_nobody_disables_or_demotes_themselves(rooms: Rooms) -> None:
    user = rooms.user("Ada", "Hill", Role.ADMINISTRATOR)
    with pytest.raises(Rejected):
        rooms.accounts.set_active(user.person, user.key, active=False)
    with pytest.raises(Rejected):
        rooms.accounts.change_role(user.person, user.key, Role.DOCTOR)


def test_disabling_and_resetting_a_second_factor_end_the_sessions(rooms: Rooms) -> None:
    admin, user = rooms.person(), rooms.user("Bob", "Hill", Role.DOCTOR)
    sessions = [user.fs_uniquifier]
    user.tf_primary_method, user.tf_totp_secret = "authenticator", "secret"
    rooms.accounts.reset_second_factor(admin, user.key)
    sessions.append(user.fs_uniquifier)
    rooms.accounts.set_active(admin, user.key, active=False)
    sessions.append(user.fs_uniquifier)
    assert len(set(sessions)) == 3
    assert user.tf_totp_secret is None
