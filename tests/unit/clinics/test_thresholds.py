"""Who may move a clinic's thresholds: two people, or one with a second factor and a day; going back takes one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from lungwise.access import Role
from lungwise.accounts.administrators import Administrators
from lungwise.audit.models import AuditEntry
from lungwise.clinics.models import Clinic, ThresholdSet
from lungwise.clinics.thresholds import AS_SHIPPED, SetState, Thresholds, in_force
from lungwise.errors import Contradiction, NotFound, Rejected
from lungwise.reading.artefact import shipped_card
from lungwise.reading.own_thresholds import FindingThresholds
from lungwise.store import Database, FilmStore
from lungwise.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person
    from lungwise.reading.artefact import ModelCard

CARD = shipped_card()
PASSWORD = "three green kites fly"
COVID = FindingThresholds(finding="COVID-19", lower=0.12, upper=0.7)
TB = FindingThresholds(finding="tuberculosis", lower=0.2, upper=0.2)


def thresholds_of(services: Services, card: ModelCard = CARD) -> Thresholds:
    administrators = Administrators(services.session, services.audit)
    return Thresholds(services.session, services.clock, services.audit, lambda: card, administrators)


def entries(services: Services) -> list[tuple[str, str, str]]:
    found = services.session.query(AuditEntry).filter(AuditEntry.subject == "thresholds").order_by(AuditEntry.id)
    return [(entry.person_name, entry.action, entry.subject_key) for entry in found]


def test_one_administrator_proposes_another_confirms_and_one_goes_back(either_services: Services) -> None:
    services = either_services
    ada, ben, eve = services.person("Ada"), services.person("Ben"), services.person("Eve", "Valley")
    sets = thresholds_of(services)
    first = sets.propose(ada, COVID, {"positives": 31})
    assert (sets.waiting(ben), sets.in_force(ada.clinic_id)) == (first, None)
    with pytest.raises(Contradiction, match="waits already"):
        sets.propose(ben, TB, {})
    with pytest.raises(Rejected, match="Another administrator"):
        sets.confirm(ada, first.key, has_given_code=True)
    with pytest.raises(NotFound):
        sets.confirm(eve, first.key)
    sets.confirm(ben, first.key)
    services.session.commit()
    services.session.expire_all()
    local = sets.in_force(ada.clinic_id)
    assert local and (local.id, local.findings, local.approved_by) == (first.key, (COVID,), ("Ada", "Ben"))
    assert (local.fits(CARD), sets.in_force(eve.clinic_id), first.evidence) == (True, None, {"positives": 31})
    with pytest.raises(Contradiction, match="decided already"):
        sets.confirm(ben, first.key)
    second = sets.propose(ben, TB, {})
    sets.confirm(ada, second.key)
    both = sets.in_force(ada.clinic_id)
    assert both and both.findings == (COVID, TB)
    sets.go_back(ada, first.key)
    sets.go_back(ada, first.key)
    sets.go_back(ben, AS_SHIPPED)
    assert sets.in_force(ada.clinic_id) is None
    assert [one.key for one in sets.all(ada)] == [second.key, first.key]
    assert sets.all(eve) == []
    assert entries(services) == [
        ("Ada", "proposed", first.key),
        ("Ben", "approved", first.key),
        ("Ben", "proposed", second.key),
        ("Ada", "approved", second.key),
        ("Ada", "went back", first.key),
        ("Ben", "went back", "shipped"),
    ]


def test_a_single_administrator_gives_a_code_and_waits_a_day(services: Services) -> None:
    ada = services.person("Ada")
    services.person("Ben", role=Role.DOCTOR)
    sets = thresholds_of(services)
    made = sets.propose(ada, COVID, {})
    with pytest.raises(Rejected, match="a day after"):
        sets.confirm(ada, made.key, has_given_code=True)
    services.clock.forward(hours=23)
    with pytest.raises(Rejected, match="a day after"):
        sets.confirm(ada, made.key, has_given_code=True)
    services.clock.forward(hours=1)
    with pytest.raises(Rejected, match="enter a code"):
        sets.confirm(ada, made.key)
    assert sets.confirmable_from(ada, made) == services.clock()
    sets.confirm(ada, made.key, has_given_code=True)
    local = sets.in_force(ada.clinic_id)
    assert local and local.approved_by == ("Ada",)


def test_nobody_confirms_at_once_with_an_administrator_whom_they_made_for_it(services: Services) -> None:
    ada, sets = services.person("Ada"), thresholds_of(services)
    made = sets.propose(ada, COVID, {})
    token = services.accounts.invitations.add(ada, "ada.too@example.org", Role.ADMINISTRATOR)
    second = services.accounts.accept(token, "A. Second", PASSWORD).person

    with pytest.raises(Rejected, match="after this was proposed"):
        sets.confirm(second, made.key)
    assert sets.waits_for(second) is None
    services.clock.forward(hours=24)
    assert sets.waits_for(second) is made
    sets.confirm(second, made.key)


@pytest.mark.parametrize("action", ["change_role", "enable", "recovery_link", "reset_second_factor"])
def test_nobody_confirms_at_once_with_a_colleague_s_account_that_was_changed_since(
    action: str, services: Services
) -> None:
    before = Role.DOCTOR if action == "change_role" else Role.ADMINISTRATOR
    ada, ben = services.user("Ada", "Hill", Role.ADMINISTRATOR).person, services.user("Ben", "Hill", before)
    accounts, sets = services.accounts, thresholds_of(services)
    made = sets.propose(ada, COVID, {})
    if action == "change_role":
        accounts.change_role(ada, ben.key, Role.ADMINISTRATOR)
    elif action == "enable":
        accounts.set_active(ada, ben.key, active=False)
        accounts.set_active(ada, ben.key, active=True)
    else:
        getattr(accounts, action)(ada, ben.key)

    services.clock.forward(hours=23)
    with pytest.raises(Rejected, match="after this was proposed"):
        sets.confirm(ben.person, made.key)
    services.clock.forward(hours=1)
    sets.confirm(ben.person, made.key)


def test_with_a_second_administrator_no_waiting_stands_in_for_them(services: Services) -> None:
    ada = services.person("Ada")
    sets = thresholds_of(services)
    made = sets.propose(ada, COVID, {})
    services.clock.forward(days=2)
    ben = services.user("Ben", "Hill", Role.ADMINISTRATOR)
    with pytest.raises(Rejected, match="Another administrator"):
        sets.confirm(ada, made.key, has_given_code=True)
    ben.active = False
    services.session.flush()
    sets.confirm(ada, made.key, has_given_code=True)


def test_nobody_confirms_alone_by_getting_rid_of_the_other_administrator(services: Services) -> None:
    ada, ben = services.person("Ada"), services.user("Ben", "Hill", Role.ADMINISTRATOR)
    sets = thresholds_of(services)
    made = sets.propose(ada, COVID, {})
    services.clock.forward(days=2)
    ben.active = False
    services.session.flush()
    with pytest.raises(Rejected, match="propose it again"):
        sets.confirm(ada, made.key, has_given_code=True)
    sets.reject(ada, made.key)
    again = sets.propose(ada, COVID, {})
    with pytest.raises(Rejected, match="a day after"):
        sets.confirm(ada, again.key, has_given_code=True)
    services.clock.forward(days=1)
    sets.confirm(ada, again.key, has_given_code=True)


@pytest.mark.parametrize("role", [Role.DOCTOR, Role.RADIOLOGIST, Role.HEALTH_WORKER, Role.NODE])
def test_no_other_role_moves_or_goes_back(services: Services, role: Role) -> None:
    ada = services.person("Ada")
    other = services.person("Wim", role=role) if role is not Role.NODE else replace(ada, id=None, role=role)
    sets = thresholds_of(services)
    made = sets.propose(ada, COVID, {})
    assert sets.confirmable_from(other, made) is None
    with pytest.raises(NotFound):
        sets.propose(other, COVID, {})
    with pytest.raises(NotFound):
        sets.confirm(other, made.key, has_given_code=True)
    with pytest.raises(NotFound):
        sets.reject(other, made.key)
    with pytest.raises(NotFound):
        sets.go_back(other, AS_SHIPPED)
    assert made.state == SetState.WAITING


def test_who_is_not_signed_in_proposes_nothing(services: Services) -> None:
    with pytest.raises(Rejected, match="signed in"):
        thresholds_of(services).propose(replace(services.person("Ada"), id=None), COVID, {})


def test_of_those_who_decide_or_propose_at_the_same_moment_one_does(either_services: Services) -> None:
    services = either_services
    people = [services.person(name) for name in ("Ada", "Ben", "Cem")]
    services.session.commit()
    database = Database(services.settings)
    together = Barrier(2)

    def once(act: Callable[[Thresholds], object]) -> bool:
        """Do it in a transaction of its own, and say whether it was done."""
        together.wait(60)
        over = Wiring(services.settings, FilmStore(services.settings), services.clock).over
        try:
            database.transact(lambda session: act(over(session).thresholds))
        except Contradiction:
            return False
        return True

    with ThreadPoolExecutor(2) as both:
        for _round in range(3):
            proposals = both.map(once, [partial(_propose, by=person) for person in people[:2]])
            assert sorted(proposals) == [False, True]
            with database.reading() as session:
                (waiting,) = session.scalars(select(ThresholdSet).where(ThresholdSet.state == SetState.WAITING))
                key, other = waiting.key, next(one for one in people[:2] if one.id != waiting.proposer_id)
            decided = partial(Thresholds.confirm, by=people[2], key=key), partial(Thresholds.reject, by=other, key=key)
            decisions = both.map(once, decided)
            assert sorted(decisions) == [False, True]
    database.close()


def _propose(sets: Thresholds, by: Person) -> None:
    sets.propose(by, COVID, {})


def test_a_rejected_set_is_never_put_in_force(services: Services) -> None:
    ada, ben = services.person("Ada"), services.person("Ben")
    sets = thresholds_of(services)
    made = sets.propose(ada, COVID, {})
    with pytest.raises(Rejected, match="were approved"):
        sets.go_back(ben, made.key)
    sets.reject(ada, made.key)
    with pytest.raises(Contradiction, match="decided already"):
        sets.confirm(ben, made.key)
    with pytest.raises(Contradiction, match="decided already"):
        sets.reject(ben, made.key)
    with pytest.raises(Rejected, match="were approved"):
        sets.go_back(ben, made.key)
    with pytest.raises(NotFound):
        sets.go_back(ben, "0" * 20)
    assert sets.waiting(ada) is None
    assert [action for _name, action, _key in entries(services)] == ["proposed", "rejected"]


def test_with_a_new_model_every_set_is_void(services: Services) -> None:
    ada, ben = services.person("Ada"), services.person("Ben")
    sets = thresholds_of(services)
    made, clinic = sets.propose(ada, COVID, {}), ada.clinic_id
    newer = thresholds_of(services, replace(CARD, version="9.9.9", hashes={"onnx": "0" * 64}))
    with pytest.raises(Contradiction, match="another model"):
        newer.confirm(ben, made.key)
    sets.confirm(ben, made.key)
    assert (newer.is_void(made), newer.in_force(clinic)) == (True, None)
    assert in_force(services.session, clinic) == sets.in_force(clinic)
    own = newer.propose(ada, TB, {})
    newer.confirm(ben, own.key)
    local = newer.in_force(clinic)
    assert local and local.findings == (TB,)
    with pytest.raises(Contradiction, match="another model"):
        newer.go_back(ben, made.key)


def test_what_was_proposed_on_other_thresholds_than_are_in_force_is_made_anew(services: Services) -> None:
    ada, ben = services.person("Ada"), services.person("Ben")
    sets = thresholds_of(services)
    first = sets.propose(ada, COVID, {})
    sets.confirm(ben, first.key)
    second = sets.propose(ada, TB, {})
    sets.go_back(ben, AS_SHIPPED)
    with pytest.raises(Contradiction, match="put in force since"):
        sets.confirm(ben, second.key)
    assert services.session.get_one(Clinic, ada.clinic_id).thresholds is None
