from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select

from lungwise.monitoring.statistics import ClinicStatistics, Share
from lungwise.patients.service import PatientFacts
from lungwise.studies.models import ReferenceResult, Study
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from plans import explained, statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def statistics(services: Services) -> ClinicStatistics:
    return ClinicStatistics(services.session, services.clock, lambda _clinic: 3)


def add_results(services: Services) -> None:
    """Keep a PCR result of each study's day with those studies that say what it found."""
    rows = [
        {
            "key": study.key,
            "study_id": study.id,
            "kind": "pcr",
            "result": study.pcr,
            "tested_on": study.taken_at.date(),
            "author_name": "Ada",
            "created_at": study.taken_at,
        }
        for study in services.session.scalars(select(Study).where(Study.pcr.is_not(None)))
    ]
    services.session.execute(insert(ReferenceResult), rows)


def test_a_clinics_numbers_are_counted_by_hand(either_services: Services) -> None:
    services, person = either_services, either_services.person()
    patient = services.patients.match_or_add(person, PatientFacts(identifier="1")).patient
    cases = [  # status, conclusion, PCR, how many, days ago
        ("positive", "COVID-19", "positive", 8, 1),
        ("negative", "no COVID-19", "positive", 2, 10),
        ("negative", "normal", "negative", 9, 20),
        ("positive", "tuberculosis", "negative", 1, 30),
        ("uncertain", "COVID-19", "positive", 4, 40),
        ("positive", "COVID-19", "positive", 5, 400),  # too long ago
    ]
    rows = [
        {
            "key": f"k{number}-{n}",
            "clinic_id": person.clinic_id,
            "patient_id": patient.id,
            "author_id": person.id,
            "created_at": services.clock() - timedelta(days=days),
            "taken_at": services.clock() - timedelta(days=days),
            "unread": False,
            "status": status,
            "probability": 0.5,
            "conclusion": conclusion,
            "pcr": pcr,
        }
        for number, (status, conclusion, pcr, count, days) in enumerate(cases)
        for n in range(count)
    ]
    services.session.execute(insert(Study), rows)
    add_results(services)
    numbers = statistics(services).count(person)
    assert numbers.studies == 24
    assert numbers.sensitivity == Share(count=8, total=10)
    assert numbers.specificity == Share(count=9, total=10)
    assert numbers.agreement == Share(count=19, total=20)
    assert numbers.uncertain_with_pcr == 4
    assert sum(week.studies for week in numbers.weeks) == 24
    assert sum(week.positive for week in numbers.weeks) == 9


def test_a_study_is_judged_by_the_pcr_of_its_days_and_of_several_by_a_positive_one(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    study = services.studies.open(ada, PatientFacts(identifier="1"), [("a", film(1, 8))])
    services.read_all()
    services.clock.forward(days=21)
    assert study.status == "positive"
    for days, outcome in ((0, Outcome.POSITIVE), (2, Outcome.NEGATIVE), (21, Outcome.NEGATIVE)):
        on = study.taken_at.date() + timedelta(days=days)
        entered = EnteredResult(kind=ReferenceTest.PCR, result=outcome, tested_on=on, reason=Reason.SYMPTOMS)
        services.reference_results.add(ada, study.key, entered)
    numbers = statistics(services).count(ada)
    assert (numbers.sensitivity, numbers.specificity) == (Share(count=1, total=1), Share(count=0, total=0))


def test_the_interval_is_wilsons() -> None:
    low, high = Share(count=8, total=10).interval
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)
    assert Share(count=0, total=0).value is None
    assert Share(count=0, total=0).interval == (0.0, 1.0)


def test_the_database_counts_as_it_walks_an_index(large: Services) -> None:
    person = large.person("Counter")
    seen = statements(large.session, lambda: statistics(large).count(person))
    (plan,) = (explained(large.session, statement) for statement in seen if "GROUP BY" in statement[0])
    assert "ix_studies_statistics" in plan
    assert "TEMP B-TREE" not in plan
    assert "temporary" not in plan
    assert "filesort" not in plan
    assert "index" in plan.lower()
