from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from lungwise.monitoring.statistics import ClinicStatistics, Share
from lungwise.patients.service import PatientFacts
from lungwise.studies.models import Study
from plans import explained, statements

if TYPE_CHECKING:
    from conftest import Services


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
    numbers = ClinicStatistics(services.session, services.clock).count(person)
    assert numbers.studies == 24
    assert numbers.sensitivity == Share(count=8, total=10)
    assert numbers.specificity == Share(count=9, total=10)
    assert numbers.agreement == Share(count=19, total=20)
    assert numbers.uncertain_with_pcr == 4
    assert sum(week.studies for week in numbers.weeks) == 24
    assert sum(week.positive for week in numbers.weeks) == 9


def test_the_interval_is_wilsons() -> None:
    low, high = Share(count=8, total=10).interval
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)
    assert Share(count=0, total=0).value is None
    assert Share(count=0, total=0).interval == (0.0, 1.0)


def test_the_database_counts_as_it_walks_an_index(large: Services) -> None:
    person = large.person("Counter")
    seen = statements(large.session, lambda: ClinicStatistics(large.session, large.clock).count(person))
    (plan,) = (explained(large.session, statement) for statement in seen if "GROUP BY" in statement[0])
    assert "ix_studies_statistics" in plan
    assert "TEMP B-TREE" not in plan
    assert "temporary" not in plan
    assert "filesort" not in plan
    assert "index" in plan.lower()
