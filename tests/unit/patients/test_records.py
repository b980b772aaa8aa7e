from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from lungwise.patients.identity import full_identity
from lungwise.patients.service import PatientFacts
from lungwise.store import keys_of

if TYPE_CHECKING:
    from conftest import Services


ADA, BOB = (
    PatientFacts(identifier="P-1", name="Lovelace Ada", sex="F", birth_date=date(1980, 5, 1)),
    PatientFacts(identifier="P-1", name="Two Bob", sex="M"),
)


def test_the_database_itself_keeps_patients_unique_within_a_clinic(either_services: Services) -> None:
    services, person = either_services, either_services.person()
    first, second = (
        services.patients.match_or_add(person, PatientFacts(identifier=identifier)).patient for identifier in ("7", "8")
    )
    services.session.commit()
    second.identity_index = first.identity_index
    with pytest.raises(IntegrityError):
        services.session.flush()


def test_an_identifier_whose_first_patient_is_gone_can_be_given_again(services: Services) -> None:
    person = services.person()
    ada, bob = (services.patients.match_or_add(person, facts).patient for facts in (ADA, BOB))
    services.patients.change(person, ada.key, replace(ADA, identifier="P-2"))
    assert services.patients.match_or_add(person, BOB).patient.id == bob.id
    assert services.patients.match_or_add(person, replace(ADA, issuer="HILL")).patient.is_unclear
    services.patients.change(person, bob.key, replace(BOB, identifier="P-3"))
    assert not bob.is_unclear


def test_an_identifier_is_free_once_its_patients_have_that_of_another_issuers_patient(
    either_services: Services,
) -> None:
    services, person = either_services, either_services.person()
    ada, carl = replace(ADA, issuer="HILL"), PatientFacts(identifier="P-1", name="Carl", issuer="DALE")
    wrong = [services.patients.match_or_add(person, facts).patient for facts in (ada, carl)]
    services.patients.match_or_add(person, PatientFacts(identifier="P-2", name="Clara", issuer="VALE"))
    for patient in wrong:
        services.patients.change(person, patient.key, replace(patient.facts, identifier="P-2"))
    owners = [services.patients.match_or_add(person, facts).patient for facts in (ada, carl)]
    assert len({patient.id for patient in (*wrong, *owners)}) == 4
    assert not any(patient.is_unclear for patient in owners)


def test_a_record_of_a_release_that_told_no_oids_apart_is_found_by_films_of_its_issuer_alone(
    either_services: Services,
) -> None:
    services, person = either_services, either_services.person()
    one, other = "2.16.840.1.113883.3.1.11", "2.16.840.1.113883.3.11.1"
    services.patients.match_or_add(person, replace(ADA, issuer=one))
    bob = services.patients.match_or_add(person, replace(BOB, issuer=one)).patient
    assert bob.is_unclear
    text = full_identity(bob.facts, f"of {one.replace('.', '')}")
    bob.identity_index = keys_of(services.session).index(f"patients.identity {person.clinic_id}", text)
    bob.name = "Two Robert"
    services.session.flush()
    assert services.patients.match_or_add(person, replace(BOB, issuer=one)).patient.id == bob.id
    apart = services.patients.match_or_add(person, replace(BOB, issuer=other)).patient
    assert apart.id != bob.id and not apart.is_unclear
    assert services.patients.match_or_add(person, replace(BOB, issuer=other)).patient.id == apart.id
