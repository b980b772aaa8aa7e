from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from lungwise.patients.service import PatientFacts

if TYPE_CHECKING:
    from conftest import Services


ADA, BOB = (
    PatientFacts(identifier="P-1", name="Lovelace Ada", sex="F", birth_date=date(1980, 5, 1)),
    PatientFacts(identifier="P-1", name="Two Bob", sex="M"),
)


@pytest.mark.parametrize("order", [(ADA, BOB), (BOB, ADA)])
def test_who_contradicts_is_a_patient_of_their_own_whose_identity_is_unclear(
    order: tuple[PatientFacts, PatientFacts], either_services: Services
) -> None:
    services, person = either_services, either_services.person()
    first, second = (services.patients.match_or_add(person, facts).patient for facts in order)
    assert (first.identity, second.identity) == ("clear", "unclear")
    assert (first.facts, second.facts) == order
    for facts, patient in zip(order, (first, second), strict=True):
        assert services.patients.match_or_add(person, facts).patient.id == patient.id
        assert services.patients.match_or_add(person, replace(facts, name=facts.name.upper())).patient.id == patient.id
    assert services.patients.decisions.count_unclear(person) == 1
    assert services.patients.rivals(person, second) == [first]


def test_an_identifier_of_two_issuers_is_two_patients_of_whom_nothing_is_unclear(services: Services) -> None:
    person = services.person()
    hill, valley = (
        services.patients.match_or_add(person, replace(ADA, issuer=issuer)).patient for issuer in ("HILL", "VALLEY")
    )
    assert hill.id != valley.id
    assert {hill.identity, valley.identity} == {"clear"}
    assert services.patients.match_or_add(person, replace(ADA, issuer="hill")).patient.id == hill.id


def test_a_missing_issuer_is_any_where_nothing_contradicts(services: Services) -> None:
    person = services.person()
    ada = services.patients.match_or_add(person, ADA).patient
    assert services.patients.match_or_add(person, replace(ADA, issuer="HILL")).patient.id == ada.id
    assert ada.issuer == "HILL"
    assert services.patients.match_or_add(person, ADA).patient.id == ada.id
    assert services.patients.match_or_add(person, replace(ADA, issuer="VALLEY")).patient.id != ada.id


def test_a_number_alone_that_two_have_is_neither_of_them(services: Services) -> None:
    person = services.person()
    known = [services.patients.match_or_add(person, facts).patient.id for facts in (ADA, BOB)]
    bare = services.patients.match_or_add(person, PatientFacts(identifier="P-1")).patient
    assert bare.id not in known and bare.is_unclear and bare.name == ""
    assert services.patients.match_or_add(person, PatientFacts(identifier="P-1")).patient.id == bare.id


def test_of_several_with_one_number_a_name_or_a_birth_date_tells_who_is_meant(services: Services) -> None:
    person = services.person()
    known = [
        services.patients.match_or_add(person, facts).patient for facts in (ADA, BOB, PatientFacts(identifier="P-1"))
    ]
    clara = services.patients.match_or_add(person, PatientFacts(identifier="P-1", name="Clara Wieck")).patient
    assert clara.id not in [patient.id for patient in known] and known[2].name == ""
    assert services.patients.match_or_add(person, PatientFacts(identifier="P-1", sex="F")).patient.id not in (
        known[0].id,
        clara.id,
    )
    assert (
        services.patients.match_or_add(person, PatientFacts(identifier="P-1", birth_date=ADA.birth_date)).patient.id
        == known[0].id
    )


@pytest.mark.parametrize("names", [("Smith J", "Smith John", "Smith Jane"), ("Suresh", "Suresh Kumar", "Suresh Patil")])
def test_a_name_that_says_little_does_not_make_two_persons_one(names: tuple[str, ...], services: Services) -> None:
    person = services.person()
    first, second, third = (
        services.patients.match_or_add(person, PatientFacts(identifier="7", name=name)).patient for name in names
    )
    assert first.id == second.id != third.id
    assert (first.name, third.name) == names[1:]


def test_a_name_that_fits_two_is_neither_ones(services: Services) -> None:
    person = services.person()
    for name in ("Smith John", "Smith Jane"):
        services.patients.match_or_add(person, PatientFacts(identifier="7", name=name))
    assert services.patients.match(person, PatientFacts(identifier="7", name="Smith J")) is None


def test_a_sex_alone_does_not_tell_two_apart(services: Services) -> None:
    person = services.person()
    for facts in (BOB, replace(ADA, birth_date=None)):
        services.patients.match_or_add(person, facts)
    assert services.patients.match(person, PatientFacts(identifier="P-1", sex="M")) is None


def test_a_former_name_is_found_under_an_issuer_that_was_corrected_with_it(services: Services) -> None:
    person, former = services.person(), replace(ADA, issuer="HIL")
    ada = services.patients.match_or_add(person, former).patient
    services.patients.change(person, ada.key, replace(ADA, name="King Ada", issuer="HILL"))
    found = services.patients.match(person, replace(ADA, issuer="HILL"))
    assert found is not None and found.patient.id == ada.id
    assert services.patients.match(person, replace(former, name="Byron Ada")) is None
