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

    from conftest import Services

EVE = Applicant("Eve", "Eve@Example.org", "seven blue boats sail")


def with_policy(services: Services, policy: Registration) -> Accounts:
    settings = services.settings.model_copy(update={"registration": policy})
    return Accounts(services.session, services.clock, settings, services.audit)


def test_every_role_has_its_rights_and_only_administrators_administer() -> None:
    assert set(RIGHTS) == set(Role)
    assert [role for role in Role if Right.ADMINISTER in RIGHTS[role]] == [Role.ADMINISTRATOR]


def test_an_approved_registration_waits_until_it_is_approved(services: Services) -> None:
    admin = services.person()
    user = with_policy(services, Registration.APPROVED).register(EVE, admin.clinic_id)
    assert user is not None
    assert user.waits
    assert not user.active
    services.accounts.approve(admin, user.key)
    assert user.active
    assert not user.waits


def test_an_open_registration_may_sign_in_at_once(services: Services) -> None:
    admin = services.person()
    user = with_policy(services, Registration.OPEN).register(EVE, admin.clinic_id)
    assert user is not None
    assert user.active


def test_registering_an_address_again_changes_nothing(services: Services) -> None:
    admin = services.person()
    accounts = with_policy(services, Registration.OPEN)
    first = accounts.register(EVE, admin.clinic_id)
    assert first is not None
    before = first.password
    assert accounts.register(Applicant("Mallory", "eve@example.org", "nine red trees grow"), admin.clinic_id) is None
    assert (first.name, first.password) == ("Eve", before)


def test_an_address_in_another_spelling_is_the_same_account(services: Services) -> None:
    admin = services.person()
    accounts = with_policy(services, Registration.OPEN)
    first = accounts.register(Applicant("Eve", " Eve@exa\u24dcple.org", "seven blue boats sail"), admin.clinic_id)
    assert first is not None
    assert first.email == "eve@example.org"
    for spelling in ("eve@example\u3002org", "EVE@EXAMPLE.ORG", "eve@example.org "):
        assert accounts.by_email(spelling) is first
        assert accounts.register(Applicant("Eve", spelling, "nine red trees grow"), admin.clinic_id) is None
        with pytest.raises(Rejected, match="already"):
            accounts.add(Applicant("Eve", spelling, "nine red trees grow"), "Hill", Role.DOCTOR)


def test_what_is_no_address_has_no_account(services: Services) -> None:
    with pytest.raises(Rejected, match="e-mail address"):
        services.accounts.add(Applicant("Eve", "eve@clinic", "seven blue boats sail"), "Hill", Role.DOCTOR)
    assert services.accounts.by_email("eve@clinic") is None


@pytest.mark.parametrize(("name", "clinic"), [(" ", "Hill"), ("Eve", " ")])
def test_nobody_and_no_clinic_has_a_blank_name(name: str, clinic: str, services: Services) -> None:
    with pytest.raises(Rejected, match="Enter a name"):
        services.accounts.add(Applicant(name, "eve@example.org", "seven blue boats sail"), clinic, Role.DOCTOR)


def test_without_an_invitation_nobody_registers_where_one_is_needed(services: Services) -> None:
    with pytest.raises(Rejected, match="invitation"):
        with_policy(services, Registration.INVITATION).register(EVE, services.person().clinic_id)


def test_an_administrator_does_not_see_another_clinics_accounts(services: Services) -> None:
    hill, valley = services.person("Ada", "Hill"), services.user("Bob", "Valley", Role.DOCTOR)
    assert [user.clinic_id for user in services.accounts.colleagues(hill)] == [hill.clinic_id]
    with pytest.raises(NotFound):
        services.accounts.set_active(hill, valley.key, active=False)


def test_a_doctor_administers_nothing(services: Services) -> None:
    doctor = services.person("Bob", role=Role.DOCTOR)
    with pytest.raises(NotFound):
        services.accounts.colleagues(doctor)


def test_nobody_disables_or_demotes_themselves(services: Services) -> None:
    user = services.user("Ada", "Hill", Role.ADMINISTRATOR)
    with pytest.raises(Rejected):
        services.accounts.set_active(user.person, user.key, active=False)
    with pytest.raises(Rejected):
        services.accounts.change_role(user.person, user.key, Role.DOCTOR)


def test_disabling_and_resetting_a_second_factor_end_the_sessions(services: Services) -> None:
    admin, user = services.person(), services.user("Bob", "Hill", Role.DOCTOR)
    sessions = [user.fs_uniquifier]
    user.tf_primary_method, user.tf_totp_secret = "authenticator", "secret"
    services.accounts.reset_second_factor(admin, user.key)
    sessions.append(user.fs_uniquifier)
    services.accounts.set_active(admin, user.key, active=False)
    sessions.append(user.fs_uniquifier)
    assert len(set(sessions)) == 3
    assert user.tf_totp_secret is None


def test_the_last_administrator_of_a_clinic_stays(services: Services) -> None:
    ada = services.user("Ada", "Hill", Role.ADMINISTRATOR)
    services.user("Eve", "Valley", Role.ADMINISTRATOR)
    ada.signed_in_at = services.clock()
    operator = Person(None, "command line", ada.clinic_id, Role.ADMINISTRATOR)
    accounts = services.accounts
    with pytest.raises(Rejected, match="only administrator"):
        accounts.set_active(operator, ada.key, active=False)
    with pytest.raises(Rejected, match="only administrator"):
        accounts.change_role(operator, ada.key, Role.DOCTOR)
    with pytest.raises(Rejected, match="only administrator"):
        accounts.delete(operator, ada.key)
    bob = services.user("Bob", "Hill", Role.ADMINISTRATOR)
    accounts.set_active(operator, bob.key, active=False)
    with pytest.raises(Rejected, match="only administrator"):
        accounts.delete(operator, ada.key)
    accounts.set_active(operator, bob.key, active=True)
    accounts.delete(operator, ada.key)
    assert [user.name for user in accounts.colleagues(bob.person)] == ["Bob"]


def test_of_two_administrators_who_demote_each_other_one_stays(either_services: Services) -> None:
    ada, bob = (either_services.user(name, "Hill", Role.ADMINISTRATOR) for name in ("Ada", "Bob"))
    refused = []

    def demote(by: Person, key: str) -> None:
        database = Database(either_services.settings)
        with database.session(writes=True) as session:
            audit = AuditTrail(session, either_services.clock)
            try:
                Accounts(session, either_services.clock, either_services.settings, audit).change_role(
                    by, key, Role.DOCTOR
                )
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
    either_services: Services, film: Callable[..., bytes]
) -> None:
    admin, bob = either_services.person(), either_services.user("Bob", "Hill", Role.ADMINISTRATOR)
    tokens = Tokens(either_services.session, either_services.clock, either_services.audit)
    _, own = tokens.add(bob.person, "script", [], 30)
    _, machine = tokens.add(bob.person, "archive", [], 30, machine=True)
    study = either_services.studies.open(bob.person, PatientFacts(identifier="H-1"), [("film.jpg", film(1))])
    either_services.studies.conclude(bob.person, study.key, Conclusion(note="A clear film"))
    either_services.session.commit()
    either_services.accounts.delete(admin, bob.key)
    either_services.session.commit()
    either_services.session.expire_all()
    assert either_services.studies.get(admin, study.key).opinions[0].author_name == "Bob"
    assert (bob.email, bob.name, bob.password, bob.active) == (f"{bob.key}@deleted.invalid", "", "", False)
    assert tokens.check(own) is None
    assert tokens.check(machine) is not None
    assert bob not in either_services.accounts.everyone()
    assert either_services.accounts.by_email("bob.hill@example.org") is None
    for act in (
        either_services.accounts.delete,
        either_services.accounts.approve,
        either_services.accounts.recovery_link,
    ):
        with pytest.raises(NotFound):
            act(admin, bob.key)
    again = either_services.user("Bob", "Hill", Role.DOCTOR)
    assert again.id != bob.id


def test_an_account_that_cannot_sign_in_gets_no_recovery_link(services: Services) -> None:
    admin, bob = services.person(), services.user("Bob", "Hill", Role.DOCTOR)
    services.accounts.set_active(admin, bob.key, active=False)
    with pytest.raises(Rejected, match="Enable it first"):
        services.accounts.recovery_link(admin, bob.key)
    assert services.accounts.who_may_recover(bob.email) is None


def test_administrators_are_those_whose_accounts_are_open(services: Services) -> None:
    admin, bob = services.person(), services.user("Bob", "Hill", Role.ADMINISTRATOR)
    services.user("Eve", "Hill", Role.DOCTOR)
    services.user("Dan", "Valley", Role.ADMINISTRATOR)
    waiting = with_policy(services, Registration.APPROVED).register(EVE, admin.clinic_id)
    assert waiting is not None
    waiting.role, waiting.active = Role.ADMINISTRATOR, True
    assert [user.id for user in services.accounts.administrators(admin)] == [admin.id, bob.id]
    services.accounts.set_active(admin, bob.key, active=False)
    assert [user.id for user in services.accounts.administrators(admin)] == [admin.id]
