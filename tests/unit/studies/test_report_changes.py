from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Person
from lungwise.patients.service import PatientFacts
from lungwise.studies.clinical_details import ClinicalDetails
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.models import Study
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.studies.report_changes import ReportChanges
from lungwise.studies.service import Conclusion
from lungwise.wiring import Wiring

if TYPE_CHECKING:
    from conftest import Services

Change = Callable[["Services", Person, Study], object]
PCR = EnteredResult(kind=ReferenceTest.PCR, result=Outcome.POSITIVE, tested_on=date(2026, 3, 1), reason=Reason.SYMPTOMS)


def conclude(services: Services, person: Person, study: Study) -> None:
    services.studies.conclude(person, study.key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS))


def describe(services: Services, person: Person, study: Study) -> None:
    services.studies.describe(person, study.key, ClinicalDetails(spo2=93))


def enter_and_take_back(services: Services, person: Person, study: Study) -> None:
    found = services.reference_results.add(person, study.key, PCR)
    services.reference_results.take_back(person, study.key, found.key)


def separate(services: Services, person: Person, study: Study) -> None:
    services.studies.patient(person, study).identity = "unclear"
    services.patient_studies.separate(person, services.studies.patient(person, study).key)


def sent_and_cancelled(services: Services) -> list[Dispatch]:
    return [
        Dispatch(destination=name, state=state, created_at=services.clock(), due_at=services.clock(), attempts=4)
        for name, state in (("A@a:1", DispatchState.SENT), ("B@b:2", DispatchState.CANCELLED))
    ]


@pytest.mark.parametrize("change", [conclude, describe, enter_and_take_back, separate])
def test_what_was_sent_is_queued_again_by_whatever_changes_the_report(
    change: Change, services: Services, film: Callable[..., bytes]
) -> None:
    person = services.person()
    facts = PatientFacts(identifier="7", name="Asha Rao")
    study, other = (services.studies.open(person, facts, [("film", film(seed))]) for seed in (1, 2))
    for one in (study, other):
        one.dispatches = sent_and_cancelled(services)
    services.read_all()
    services.clock.forward(minutes=1)

    change(services, person, study)

    services.session.refresh(study)
    assert study.changed_at == services.clock()
    assert [(one.state, one.attempts) for one in study.dispatches] == [("queued", 0), ("cancelled", 4)]
    services.session.refresh(other)
    moved = change is separate  # which is of the patient, and so of both studies
    assert (other.changed_at is not None) == (other.dispatches[0].state == DispatchState.QUEUED) == moved


def test_what_was_sent_is_queued_again_where_a_later_film_states_more_of_the_patient(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, person = either_services, either_services.person()
    known = PatientFacts(identifier="7", name="Asha Rao")
    study = services.studies.open(person, known, [("film", film(1))])
    study.dispatches = sent_and_cancelled(services)
    services.read_all()
    patients = Wiring(services.settings, services.store, services.clock).over(services.session).patients
    version = study.report_version

    for facts in (known, replace(known, birth_date=date(2016, 3, 1)), replace(known, birth_date=date(2016, 3, 1))):
        patients.match_or_add(person, facts)

    services.session.refresh(study)
    assert study.report_version == version + 1
    assert [one.state for one in study.dispatches] == ["queued", "cancelled"]


def test_a_system_of_which_a_version_was_cancelled_gets_the_next(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, person = either_services, either_services.person()
    study = services.studies.open(person, PatientFacts(), [("film", film(1))])
    services.read_all()
    at = services.clock()
    study.dispatches = [
        Dispatch(destination=name, state=DispatchState.CANCELLED, created_at=at, due_at=at, attempts=4)
        for name in ("B@b:2", "fhir", "webhook")
    ]
    services.session.flush()
    services.clock.forward(minutes=1)

    changes = ReportChanges(services.session, services.clock, lambda _clinic: ["webhook"])  # no setting names the other
    changes.of_study(study)

    services.session.expire_all()
    assert [(one.destination, one.state) for one in study.dispatches] == [
        ("B@b:2", "cancelled"),
        ("fhir", "cancelled"),
        ("webhook", "queued"),
    ]
    webhook = study.dispatches[-1]
    assert (webhook.attempts, webhook.created_at, webhook.due_at) == (0, services.clock(), services.clock())


def test_a_system_gets_the_first_version_of_a_study_that_is_read_and_none_of_one_that_waits(
    services: Services, film: Callable[..., bytes]
) -> None:
    person, facts = services.person(), PatientFacts(identifier="7")
    read = services.studies.open(person, facts, [("film", film(1))])
    services.read_all()
    waiting = services.studies.open(person, facts, [("film", film(2))])
    changes = ReportChanges(services.session, services.clock, lambda _clinic: ["webhook"])
    changes.of_patient(read.patient_id)
    services.session.expire_all()
    assert [(one.destination, one.state) for one in read.dispatches] == [("webhook", "queued")]
    assert waiting.dispatches == []
