from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Person, Role
from lungwise.errors import Rejected
from lungwise.hl7.patient_updates import PatientUpdates
from lungwise.hl7.stated_patient import StatedPatient
from lungwise.patients.service import Identity, Patient, PatientFacts

if TYPE_CHECKING:
    from conftest import Services

BORN = date(1981, 3, 25)
GRACE = PatientFacts(identifier="100-8", issuer="Hill", name="Kamau Grace", birth_date=BORN, sex="F")


@pytest.fixture
def updates(services: Services) -> PatientUpdates:
    return PatientUpdates(services.patients, services.patient_studies)


@pytest.fixture
def system(services: Services) -> Person:
    return Person(None, "OPENMRS@HILL", services.person().clinic_id, Role.HOSPITAL_SYSTEM)


def said(**facts: object) -> StatedPatient:
    return StatedPatient(facts=PatientFacts.typed({"identifier": "100-8", "issuer": "Hill", **facts}))


def add(services: Services, system: Person, facts: PatientFacts = GRACE) -> Patient:
    return services.patients.match_or_add(system, facts).patient


def test_what_is_said_fills_in_and_corrects_one_fact_at_a_time(
    services: Services, updates: PatientUpdates, system: Person
) -> None:
    patient = add(services, system, PatientFacts(identifier="100-8", name="Kamau G", sex="F"))
    assert updates.update(system, said(name="Kamau Grace", birth_date=BORN))
    assert patient.facts == GRACE
    assert updates.update(system, said(name="Otieno Grace", birth_date=BORN))  # she has married
    assert (patient.name, patient.sex) == ("Otieno Grace", "F")
    assert [change.facts.name for change in services.patients.history(system, patient)][:1] == ["Kamau Grace"]
    assert updates.update(system, StatedPatient(facts=said(name="Otieno").facts, cleared=frozenset({"sex"})))
    assert (patient.name, patient.sex) == ("Otieno Grace", "")


def test_nothing_is_added_for_a_patient_of_whom_nothing_is_here(updates: PatientUpdates, system: Person) -> None:
    assert not updates.update(system, said(name="Kamau Grace"))
    assert not updates.merge(system, said(name="Kamau Grace"), said(identifier="7"))


@pytest.mark.parametrize(
    "facts",
    [
        {"name": "Njoroge Peter", "birth_date": date(1950, 1, 1)},
        {"name": "Njoroge Peter"},
        {"name": "Njoroge Peter", "birth_date": BORN, "sex": "M"},
    ],
)
def test_what_may_be_another_person_waits(
    services: Services, updates: PatientUpdates, system: Person, facts: dict[str, object]
) -> None:
    patient = add(services, system)
    with pytest.raises(Rejected, match="another name, birth date or sex"):
        updates.update(system, said(**facts))
    assert patient.facts == GRACE


def test_what_somebody_corrected_here_is_not_written_over(
    services: Services, updates: PatientUpdates, system: Person
) -> None:
    patient = add(services, system)
    corrected = replace(GRACE, name="Kamau Gracia")
    services.patients.change(services.person("Bea"), patient.key, corrected)
    with pytest.raises(Rejected, match="Someone here corrected"):
        updates.update(system, said(name="Kamau Grace", birth_date=BORN))
    assert patient.name == "Kamau Gracia"


@pytest.mark.parametrize("cleared", ["birth_date", "sex"])
def test_what_somebody_corrected_here_is_not_cleared(
    cleared: str, services: Services, updates: PatientUpdates, system: Person
) -> None:
    patient = add(services, system, replace(GRACE, birth_date=None, sex=""))
    services.patients.change(services.person("Bea"), patient.key, GRACE)
    with pytest.raises(Rejected, match="Someone here corrected"):
        updates.update(system, replace(said(name="Kamau Grace"), cleared=frozenset({cleared})))
    assert patient.facts == GRACE


@pytest.mark.parametrize(
    ("facts", "cleared"),
    [
        ({}, {"sex"}),
        ({"name": "Kamau Grace"}, {"sex", "birth_date"}),
        ({"name": "Otieno Grace", "birth_date": BORN}, {"sex"}),
    ],
)
def test_nothing_is_cleared_where_nothing_else_agrees_or_more_changes(
    facts: dict[str, object], cleared: set[str], services: Services, updates: PatientUpdates, system: Person
) -> None:
    patient = add(services, system)
    with pytest.raises(Rejected, match="another name, birth date or sex"):
        updates.update(system, replace(said(**facts), cleared=frozenset(cleared)))
    assert patient.facts == GRACE


def test_a_number_of_several_persons_alone_is_nobodys(
    services: Services, updates: PatientUpdates, system: Person
) -> None:
    add(services, system)
    add(services, system, PatientFacts(identifier="100-8", name="Njoroge Peter", birth_date=date(1950, 1, 1)))
    with pytest.raises(Rejected, match="Several patients"):
        updates.update(system, said(sex="F"))


def test_a_merge_moves_the_studies_and_later_films_follow(
    services: Services, updates: PatientUpdates, system: Person
) -> None:
    kept, gone = add(services, system), add(services, system, PatientFacts(identifier="7", name="Kamau Grace"))
    assert updates.merge(system, said(name="Kamau Grace"), said(identifier="7", name="Kamau"))
    assert (gone.identity, gone.same_as_id) == (Identity.MERGED, kept.id)
    assert add(services, system, PatientFacts(identifier="7", name="Kamau Grace")).id == kept.id
    assert updates.merge(system, said(name="Kamau Grace"), said(identifier="7"))  # said again, it is so already


def test_a_merge_with_a_number_that_is_not_here_yet_holds_for_its_films(
    services: Services, updates: PatientUpdates, system: Person
) -> None:
    kept = add(services, system)
    assert updates.merge(system, said(name="Kamau Grace"), said(identifier="7", name="Kamau Grace"))
    assert add(services, system, PatientFacts(identifier="7", name="Kamau Grace")).id == kept.id


def test_a_merge_that_contradicts_or_that_persons_decided_otherwise_waits(
    services: Services, updates: PatientUpdates, system: Person
) -> None:
    add(services, system)
    other = add(services, system, PatientFacts(identifier="7", name="Njoroge Peter"))
    with pytest.raises(Rejected, match="two records contradict"):
        updates.merge(system, said(), said(identifier="7"))
    with pytest.raises(Rejected, match="another name"):
        updates.merge(system, said(), said(identifier="7", name="Kamau Grace"))
    unclear = add(services, system, PatientFacts(identifier="7", name="Kamau Grace"))
    assert unclear.identity == Identity.UNCLEAR
    with pytest.raises(Rejected, match="is unclear"):
        updates.merge(system, said(), said(identifier="7", name="Kamau Grace"))
    assert other.same_as_id is None
    with pytest.raises(Rejected, match="with itself"):
        updates.merge(system, said(), said())


def test_a_record_that_persons_called_another_one_is_not_merged(
    services: Services, updates: PatientUpdates, system: Person
) -> None:
    peter = PatientFacts(identifier="100-8", name="Njoroge Peter")
    add(services, system, PatientFacts(identifier="100-8", name="Kamau Grace"))
    services.patients.decisions.separate(services.person("Bea"), add(services, system, peter))
    other = replace(peter, identifier="200")
    add(services, system, other)
    with pytest.raises(Rejected, match="is unclear"):
        updates.merge(system, StatedPatient(facts=other), StatedPatient(facts=peter))


def test_a_merge_into_a_merged_record_is_held_against_its_patient(
    services: Services, updates: PatientUpdates, system: Person
) -> None:
    add(services, system)
    other = add(services, system, PatientFacts(identifier="9", name="Njoroge Peter"))
    assert updates.merge(system, said(name="Kamau Grace"), said(identifier="7"))
    with pytest.raises(Rejected, match="two records contradict"):
        updates.merge(system, said(identifier="7"), said(identifier="9"))
    assert other.same_as_id is None


def test_a_patient_who_is_unclear_is_corrected_by_no_message(
    services: Services, updates: PatientUpdates, system: Person
) -> None:
    add(services, system, PatientFacts(identifier="100-8", name="Kamau Grace", birth_date=BORN))
    peter = PatientFacts(identifier="100-8", name="Njoroge Peter", birth_date=date(1950, 1, 1), sex="M")
    unclear = add(services, system, peter)
    assert unclear.is_unclear
    with pytest.raises(Rejected, match="another name, birth date or sex"):
        updates.update(system, StatedPatient(facts=replace(peter, sex=""), cleared=frozenset({"sex"})))
    assert unclear.facts == peter
