from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.errors import Conflict, NotFound, Rejected
from lungwise.patients.service import Identity, PatientFacts

if TYPE_CHECKING:
    from conftest import Services


def test_the_same_identifier_is_the_same_patient_within_a_clinic_alone(services: Services) -> None:
    hill, valley = services.person("Ada", "Hill"), services.person("Bob", "Valley")
    first = services.patients.match_or_add(hill, PatientFacts(identifier="7", name="Béla")).patient
    again = services.patients.match_or_add(
        hill, PatientFacts(identifier="7", name="", sex="M", birth_date=date(1981, 3, 25))
    ).patient
    other = services.patients.match_or_add(valley, PatientFacts(identifier="7", name="Clara")).patient
    assert first.id == again.id != other.id
    assert (first.name, first.sex) == ("Béla", "M")
    assert first.identifier_index != other.identifier_index
    with pytest.raises(NotFound):
        services.patients.get(valley, first.key)


@pytest.mark.parametrize("born", [date(2026, 3, 3), date(1906, 3, 1)])
def test_a_birth_date_that_cannot_be_right_is_refused(born: date, services: Services) -> None:
    person = services.person()
    with pytest.raises(Rejected, match="birth date"):
        services.patients.match_or_add(person, PatientFacts(identifier="1", birth_date=born))
    patient = services.patients.match_or_add(person, PatientFacts(identifier="1")).patient
    with pytest.raises(Rejected, match="birth date"):
        services.patients.change(person, patient.key, PatientFacts(identifier="1", birth_date=born))


def test_two_patients_without_identifiers_get_two(services: Services) -> None:
    person = services.person()
    pair = [services.patients.match_or_add(person, PatientFacts()).patient.identifier for _ in range(2)]
    assert len(set(pair)) == 2


def test_a_patient_does_not_take_another_ones_identifier(services: Services) -> None:
    person = services.person()
    services.patients.match_or_add(person, PatientFacts(identifier="1"))
    second = services.patients.match_or_add(person, PatientFacts(identifier="2")).patient
    with pytest.raises(Rejected, match="merge"):
        services.patients.change(person, second.key, PatientFacts(identifier="1"))
    with pytest.raises(Rejected, match="identifier"):
        services.patients.change(person, second.key, PatientFacts(identifier=" "))


def test_what_a_film_filled_in_meanwhile_is_not_wiped(either_services: Services) -> None:
    person, patients = either_services.person(), either_services.patients
    clara = patients.match_or_add(person, PatientFacts(identifier="1", name="Clara Wiek")).patient
    known = clara.facts
    patients.match_or_add(person, PatientFacts(identifier="1", name="Clara Wiek", birth_date=date(2019, 9, 13)))
    spelt = replace(known, name="Clara Wieck")
    with pytest.raises(Conflict):
        patients.change(person, clara.key, spelt, known=known)
    spelt = replace(spelt, birth_date=date(2019, 9, 13))
    patients.change(person, clara.key, spelt, known=clara.facts)
    patients.change(person, clara.key, spelt, known=known)  # sent anew, since the answer was lost
    assert clara.facts == spelt


def test_a_radiologist_does_not_change_patients(services: Services) -> None:
    patient = services.patients.match_or_add(services.person(), PatientFacts(identifier="1")).patient
    with pytest.raises(NotFound):
        services.patients.change(
            services.person("Bob", role=Role.RADIOLOGIST), patient.key, PatientFacts(identifier="2")
        )


def test_who_alone_has_a_number_once_the_other_ones_is_corrected_is_clear(services: Services) -> None:
    person, patients = services.person(), services.patients
    facts = {name: PatientFacts(identifier="7", name=name) for name in ("Asha Rao", "Two Bob", "Clara Wieck")}
    asha, bob, clara = (patients.match_or_add(person, one).patient for one in facts.values())
    patients.decisions.separate(person, bob)
    patients.change(person, asha.key, replace(asha.facts, identifier="8"))
    assert (bob.identity, clara.identity) == (Identity.SEPARATE, Identity.UNCLEAR)
    patients.change(person, clara.key, replace(clara.facts, issuer="VALLEY", identifier="9"))
    assert bob.identity == clara.identity == Identity.CLEAR


def test_who_is_another_person_with_the_same_number_is_clear_with_a_number_of_their_own(services: Services) -> None:
    person, patients = services.person(), services.patients
    asha, bob = (
        patients.match_or_add(person, PatientFacts(identifier="7", name=name)).patient for name in ("Asha Rao", "Bob")
    )
    patients.decisions.separate(person, bob)
    patients.change(person, bob.key, replace(bob.facts, name="Robert"))
    assert bob.identity == Identity.SEPARATE
    patients.change(person, bob.key, replace(bob.facts, identifier="8"))
    assert asha.identity == bob.identity == Identity.CLEAR


def test_no_issuer_is_filled_in_where_another_patient_has_the_number(services: Services) -> None:
    person, facts = services.person(), PatientFacts(identifier="1", name="Lovelace Ada")
    ada = services.patients.match_or_add(person, facts).patient
    services.patients.match_or_add(person, replace(facts, name="Two Bob"))
    found = services.patients.match_or_add(person, replace(facts, issuer="HILL", sex="F")).patient
    assert (found.id, ada.issuer, ada.sex) == (ada.id, "", "F")
