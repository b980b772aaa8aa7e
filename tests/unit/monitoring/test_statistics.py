from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select

from answered import read_again
from lungwise.monitoring.statistics import ClinicStatistics, Share
from lungwise.patients.service import PatientFacts
from lungwise.store import Base
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.models import ReferenceResult, Study
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.studies.service import Conclusion
from plans import explained, statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person


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
    cases = [  # status, whether the doctor agreed, PCR, how many, days ago
        ("positive", True, "positive", 8, 1),
        ("negative", True, "positive", 2, 10),
        ("negative", True, "negative", 9, 20),
        ("positive", False, "negative", 1, 30),
        ("uncertain", None, "positive", 4, 40),
        ("positive", True, "positive", 5, 400),  # too long ago
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
            "agreed": agreed,
            "pcr": pcr,
        }
        for number, (status, agreed, pcr, count, days) in enumerate(cases)
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


def test_a_conclusion_is_compared_with_the_verdict_that_stood_when_it_was_given(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, ada = either_services, either_services.person()
    study = services.studies.open(ada, PatientFacts(), [("a", film(1, 8))])
    services.read_all()
    assert agreement_after(services, ada, study, agrees=True) == Share(count=1, total=1)
    read_again(services, study, "2", "negative")
    assert study.status == "negative"
    assert agreement_after(services, ada, study, note="It is positive all the same.") == Share(count=1, total=1)
    assert agreement_after(services, ada, study, conclusion=Diagnosis.COVID_19) == Share(count=0, total=1)
    assert agreement_after(services, ada, study, conclusion=Diagnosis.UNCERTAIN) == Share(count=0, total=0)
    read_again(services, study, "3", "uncertain")
    assert agreement_after(services, ada, study, conclusion=Diagnosis.NORMAL) == Share(count=0, total=0)
    read_again(services, study, "4", "negative")
    assert agreement_after(services, ada, study, note="It was uncertain then.") == Share(count=0, total=0)


def agreement_after(services: Services, person: Person, study: Study, **said: Any) -> Share:
    """Give the agreement after somebody has said something of a study."""
    services.clock.forward(minutes=1)
    services.studies.conclude(person, study.key, Conclusion(**said))
    services.session.commit()
    return statistics(services).count(person).agreement


def test_a_conclusion_is_compared_with_the_films_that_were_read_when_it_was_given(
    services: Services, film: Callable[..., bytes], blank: bytes
) -> None:
    ada = services.person()
    study = services.studies.open(ada, PatientFacts(identifier="1"), [("a", film(1, 8)), ("b", blank)])
    conclusion = {"conclusion": Diagnosis.COVID_19}
    assert agreement_after(services, ada, study, **conclusion) == Share(count=0, total=0)  # nothing was read
    services.clock.forward(minutes=1)
    services.read_all()
    assert statistics(services).count(ada).agreement == Share(count=0, total=0)
    services.studies.add_films(ada, study.key, [("c", film(2))])
    assert study.status == "waiting"
    assert agreement_after(services, ada, study, **conclusion) == Share(count=1, total=1)


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


def test_the_index_has_no_column_that_is_not_counted_by(services: Services) -> None:
    ada = services.person()
    seen = statements(services.session, lambda: statistics(services).count(ada))
    (grouped,) = (statement.split("GROUP BY")[1] for statement, _values in seen if "GROUP BY" in statement)
    (index,) = (one for one in Base.metadata.tables["studies"].indexes if one.name == "ix_studies_statistics")
    assert [column.name for column in index.columns] == re.findall(r"studies\.(\w+)", grouped)
