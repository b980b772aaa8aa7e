from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from lungwise.access import RIGHTS, Person, Right, Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.accounts.tokens import Tokens
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound, Rejected
from lungwise.patients.service import PatientFacts
from lungwise.settings import Registration
from lungwise.store import Database
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_the_last_administrator_of_a_clinic_stays(rooms: Rooms) -> None:
    ada = rooms.user("Ada", "Hill", Role.ADMINISTRATOR)
    rooms.user("Eve", "Valley", Role.ADMINISTRATOR)
    operator = Person(None, "command line", ada.clinic_id, Role.ADMINISTRATOR)
    accounts = rooms.accounts
    with pytest.raises(Rejected, match="last administrator"):
        accounts.set_active(operator, ada.key, active=False)
    with pytest.raises(Rejected, match="last administrator"):
        accounts.change_role(operator, ada.key, Role.DOCTOR)
    with pytest.raises(Rejected, match="last administrator"):
        accounts.delete(operator, ada.key)
    bob = rooms.user("Bob", "Hill", Role.ADMINISTRATOR)
    accounts.set_active(operator, bob.key, active=False)
    with pytest.raises(Rejected, match="last administrator"):
        accounts.delete(operator, ada.key)
    accounts.set_active(operator, bob.key, active=True)
    accounts.delete(operator, ada.key)
    assert [user.name for user in accounts.colleagues(bob.person)] == ["Bob"]


def test_of_two_administrators_who_demote_each_other_one_stays(either_rooms: Rooms) -> None:
    ada, bob = (either_rooms.user(name, "Hill", Role.ADMINISTRATOR) for name in ("Ada", "Bob"))
    refused = []

    def demote(by: Person, key: str) -> None:
        database = Database(either_rooms.settings)
        with database.session(writes=True) as session:
            audit = AuditTrail(session, either_rooms.clock)
            try:
                Accounts(session, either_rooms.clock, either_rooms.settings, audit).change_role(by, key, Role.DOCTOR)
                session.commit()
            except Rejected:
                refused.append(by.name)
        database.close()

    threads = [Thread(target=demote, args=(one.person, other.key)) for one, other in ((ada, bob), (bob, ada))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1


def test_a_deleted_account_leaves_what_was_signed_and_nothing_of_the_person(
    either_rooms: Rooms, film: Callable[..., bytes]
) -> None:
    admin, bob = either_rooms.person(), either_rooms.user("Bob", "Hill", Role.ADMINISTRATOR)
    tokens = Tokens(either_rooms.session, either_rooms.clock, either_rooms.audit)
    _, own = tokens.add(bob.person, "script", [], 30)
    _, machine = tokens.add(bob.person, "archive", [], 30, machine=True)
    study = either_rooms.studies.open(bob.person, PatientFacts("H-1"), [("film.jpg", film(1))])
    either_rooms.studies.conclude(bob.person, study.key, Conclusion(agrees=True))
    either_rooms.session.commit()
    either_rooms.accounts.delete(admin, bob.key)
    either_rooms.session.commit()
    either_rooms.session.expire_all()
    assert either_rooms.studies.get(admin, study.key).opinions[0].author_name == "Bob"
    assert (bob.email, bob.name, bob.password, bob.active) == (f"{bob.key}@deleted.invalid", "", "", False)
    assert tokens.check(own) is None
    assert tokens.check(machine) is not None
    assert bob not in either_rooms.accounts.everyone()
    assert either_rooms.accounts.by_email("bob.hill@example.org") is None
    for act in (either_rooms.accounts.delete, either_rooms.accounts.approve, either_rooms.accounts.recovery_link):
        with pytest.raises(NotFound):
            act(admin, bob.key)
    again = either_rooms.user("Bob", "Hill", Role.DOCTOR)
    assert again.id != bob.id


def test_an_account_that_cannot_sign_in_gets_no_recovery_link(rooms: Rooms) -> None:
    admin, bob = rooms.person(), rooms.user("Bob", "Hill", Role.DOCTOR)
    rooms.accounts.set_active(admin, bob.key, active=False)
    with pytest.raises(Rejected, match="Enable it first"):
        rooms.accounts.recovery_link(admin, bob.key)
    assert rooms.accounts.who_may_recover(bob.email) is None
