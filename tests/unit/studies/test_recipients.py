from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.patients.service import PatientFacts
from lungwise.studies.recipients import Recipients
from lungwise.studies.report_identifiers import ReportIdentifiers

if TYPE_CHECKING:
    from conftest import Services


def identifiers(identifier: str, issuer: str, patient: str = "asha") -> ReportIdentifiers:
    facts = PatientFacts(identifier=identifier, issuer=issuer, name="Asha Rao")
    return ReportIdentifiers(study="study", patient=patient, facts=facts, films=(), orders=())


@pytest.mark.parametrize(
    ("now", "is_still"),
    [
        (("7", "HILL"), True),
        (("7", ""), True),
        (("7", "VALLEY"), False),
        (("8", "HILL"), False),
    ],
)
def test_a_report_is_still_its_persons_by_the_same_number_of_the_same_issuer(
    now: tuple[str, str], is_still: bool, services: Services
) -> None:
    recipients = Recipients(services.session, services.clock)
    assert recipients.is_still_of(identifiers("7", "HILL"), identifiers(*now)) == is_still
    assert recipients.is_still_of(identifiers(*now), identifiers("7", "HILL")) == is_still


def test_a_report_of_a_merged_record_is_its_patients(services: Services) -> None:
    person, recipients = services.person(), Recipients(services.session, services.clock)
    kept, merged, other = (
        services.patients.match_or_add(person, PatientFacts(identifier=number)).patient for number in ("7", "8", "9")
    )
    services.patient_studies.merge(person, kept.key, merged.key)
    now = identifiers("7", "", kept.key)
    assert recipients.is_still_of(identifiers("8", "", merged.key), now)
    assert not recipients.is_still_of(identifiers("9", "", other.key), now)
