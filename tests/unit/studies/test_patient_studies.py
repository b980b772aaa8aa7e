from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from dicom_files import dicom_file
from lungwise.access import Person, Role
from lungwise.errors import NotFound, Rejected
from lungwise.jobs.deliveries import Dispatches
from lungwise.patients.models import Patient, PatientChange
from lungwise.patients.service import Identity, PatientFacts, Patients
from lungwise.store import Database
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.models import FilmRecord, Job, Opinion, ReadingRecord, Study
from lungwise.studies.patient_studies import PatientStudies
from lungwise.studies.service import Conclusion
from lungwise.wiring import Wiring
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_deleting_a_patient_leaves_no_row_and_no_file(either_services: Services, film: Callable[..., bytes]) -> None:
    services, person = either_services, either_services.person()
    study = services.studies.open(
        person, PatientFacts(identifier="7", name="Béla Bartók"), [("a.dcm", dicom_file(chest_bytes()))]
    )
    services.read_all()
    services.studies.conclude(person, study.key, Conclusion(agrees=True))
    Dispatches(services.session, services.clock, ["ARCHIVE@127.0.0.1:104"]).queue(study.id)
    services.session.commit()
    patient = services.studies.patient(person, study)
    services.patient_studies.delete_patient(person, patient.key)
    services.session.commit()
    for model in (Patient, PatientChange, Study, FilmRecord, ReadingRecord, Dispatch, Opinion, Job):
        assert services.session.scalar(select(func.count()).select_from(model)) == 0
    assert list(services.store.films()) == []


@dataclass
class Screen:
    """What a person has open: patients as they were when the page was made."""

    patients: Patients
    patient_studies: PatientStudies
    shown: list[Patient]


@contextmanager
def screen(services: Services, person: Person, *keys: str) -> Iterator[Screen]:
    database = Database(services.settings)
    with database.request_session() as session:
        own = Wiring(services.settings, services.store).over(session)
        yield Screen(own.patients, own.patient_studies, [own.patients.records.get(person, key) for key in keys])
        session.commit()
    database.close()


def test_who_decides_while_another_one_does_finds_what_was_decided(either_services: Services) -> None:
    services, person = either_services, either_services.person()
    ada, bob = (
        services.patients.match_or_add(person, PatientFacts(identifier="P-1", name=name)).patient.key
        for name in ("Lovelace Ada", "Two Bob")
    )
    services.session.commit()
    with screen(services, person, ada, bob) as late:
        with screen(services, person) as early:
            early.patient_studies.merge(person, ada, bob)
        with pytest.raises(NotFound):
            late.patient_studies.separate(person, bob)
        assert [patient.identity for patient in late.shown] == [Identity.CLEAR, Identity.MERGED]
    with screen(services, person, bob) as late:
        with screen(services, person) as early:
            early.patient_studies.take_back(person, bob)
        with pytest.raises(Rejected, match="Nobody has said"):
            late.patient_studies.take_back(person, bob)
    with screen(services, person, ada) as late:
        facts = late.shown[0].facts
        with screen(services, person) as early:
            early.patients.change(person, ada, replace(facts, sex="F"))
        late.patients.change(person, ada, replace(facts, sex="O"))
        history = late.patients.history(person, late.shown[0])
        assert [change.facts.sex for change in history] == ["F", ""]


def test_the_same_person_is_one_of_those_who_have_the_number_as_long_as_nobody_has_said_who_it_is(
    services: Services, film: Callable[..., bytes]
) -> None:
    rita = services.person("Rita", role=Role.RADIOLOGIST)
    ada, bob, other = (
        services.studies.patient(rita, services.studies.open(rita, facts, [("a.jpg", film(number))]))
        for number, facts in enumerate(
            (
                PatientFacts(identifier="7", name="Lovelace Ada"),
                PatientFacts(identifier="7", name="Two Bob"),
                PatientFacts(identifier="8", name="Clara Wieck"),
            ),
            start=1,
        )
    )
    with pytest.raises(NotFound):
        services.patient_studies.merge(rita, ada.key, other.key)
    for into in (other, bob):
        with pytest.raises(NotFound):
            services.patient_studies.same(rita, bob.key, into.key)
    with pytest.raises(Rejected, match="already said"):
        services.patient_studies.same(rita, ada.key, bob.key)
    services.patient_studies.separate(rita, bob.key)
    with pytest.raises(Rejected, match="already said"):
        services.patient_studies.same(rita, bob.key, ada.key)
    services.patient_studies.take_back(services.person(), bob.key)
    assert services.patient_studies.same(rita, bob.key, ada.key) is ada
    assert [ada.identity, bob.identity, other.identity] == [Identity.CLEAR, Identity.MERGED, Identity.CLEAR]


def test_two_entries_of_one_patient_become_one(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    first = services.studies.open(person, PatientFacts(identifier="7"), [("a.jpg", film(1))])
    second = services.studies.open(person, PatientFacts(identifier="8", name="Clara Wieck"), [("a.jpg", film(2))])
    keep, gone = services.studies.patient(person, first), services.studies.patient(person, second)
    merged = services.patient_studies.merge(person, keep.key, gone.key)
    services.session.expire_all()
    assert {study.key for study in services.studies.of_patient(person, merged)} == {first.key, second.key}
    assert (merged.identifier, merged.name) == ("7", "Clara Wieck")
    with pytest.raises(NotFound):
        services.patients.get(person, gone.key)


def test_who_uploaded_some_of_the_films_of_an_unclear_patient_does_not_say_who_it_is(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada, eve = services.person(), services.person("Eve", role=Role.RADIOLOGIST)
    bob = PatientFacts(identifier="1", name="Two Bob")
    services.studies.open(ada, replace(bob, name="Lovelace Ada"), [("film", film(1))])
    services.studies.open(eve, bob, [("film", film(2))])
    services.session.commit()
    (unclear,) = services.patients.decisions.unclear(ada)
    assert services.patient_studies.may_settle(eve, unclear)
    services.studies.open(ada, bob, [("film", film(3))])
    services.session.commit()
    assert not services.patient_studies.may_settle(eve, unclear)
