from __future__ import annotations

import pytest

from lungwise.patients.identity import IdentityRules, PatientFacts
from lungwise.reports.patient_systems import PatientSystems

RECORDS = "https://records.example.org/mrn"
NAMED = PatientSystems(own=RECORDS, rules=IdentityRules.of(["HILL"], []))


@pytest.mark.parametrize(
    ("systems", "issuer", "system", "read"),
    [
        (NAMED, "", RECORDS, ""),
        (NAMED, "Hill", RECORDS, ""),
        (NAMED, "Old Town", "urn:lungwise:patient:Old%20Town", "Old Town"),
        (PatientSystems(), "", "urn:lungwise:patient", ""),
        (PatientSystems(), "a%2Fb", "urn:lungwise:patient:a%252Fb", "a%2Fb"),
    ],
)
def test_a_system_says_whose_a_number_is_and_is_read_as_that(
    systems: PatientSystems, issuer: str, system: str, read: str
) -> None:
    assert systems.system_of(PatientFacts(identifier="7", issuer=issuer)) == system
    assert systems.issuer_of(system) == read
