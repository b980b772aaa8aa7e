from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from lungwise.patients.service import PatientFacts

if TYPE_CHECKING:
    from conftest import Services


def test_the_age_counts_birthdays(services: Services) -> None:
    patient = services.patients.match_or_add(
        services.person(), PatientFacts(identifier="1", birth_date=date(1980, 3, 2))
    ).patient
    assert patient.age(date(2026, 3, 1)) == 45
    assert patient.age(date(2026, 3, 2)) == 46
