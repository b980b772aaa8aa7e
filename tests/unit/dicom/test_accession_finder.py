"""Accession numbers from worklists that nobody here wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import select

from dicom_files import dicom_file
from lungwise.access import Person, Role
from lungwise.audit.models import AuditEntry
from lungwise.dicom.accession_finder import AccessionFinder
from lungwise.orders.order import OrderRequest, OrderWay
from lungwise.patients.service import PatientFacts
from lungwise.store import Database
from lungwise.studies.lookup_models import AccessionLookup
from lungwise.wiring import Wiring
from orthanc_peer import Orthanc
from servers import free_port
from synthetic_films import chest_bytes
from worklist_peers import MARIE, wlmscpfs, write_entry

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.studies.service import Study

DAY = "20260302"
OTTO = {"PatientBirthDate": "18790308", "PatientSex": "M"}
OWN = "1.2.826.0.1.3680043.8.498.77"


def same_study() -> dict[str, str]:
    return {"StudyDate": DAY, "StudyInstanceUID": OWN, "SOPInstanceUID": generate_uid()}


class Case:
    """A clinic that asks a worklist."""

    def __init__(self, services: Services, folder: Path) -> None:
        self.services, self.port = services, free_port()
        self.folder = folder / "RIS"
        self.folder.mkdir()
        self.settings = services.settings.model_copy(update={"worklist_from": f"RIS@127.0.0.1:{self.port}"})
        self.wiring = Wiring(self.settings, services.store, services.clock)
        self.ada = services.person()
        self.node = Person(None, "LUNGWISE", self.ada.clinic_id, Role.NODE)
        services.studies.recording = self.wiring.over(services.session).recording

    def film(self, *, seed: int = 1, **header: str) -> Study:
        said = MARIE | {"StudyDate": DAY, "StudyInstanceUID": OWN, "SOPInstanceUID": generate_uid()} | header
        data = dicom_file(chest_bytes(seed=seed), **said)
        return self.services.studies.open(self.ada, PatientFacts(), [("film", data)])

    def ask(self, node: Person | None = None) -> list[str]:
        self.services.session.commit()
        database = Database(self.settings)
        finder = AccessionFinder(
            database,
            self.services.clock,
            self.settings,
            node or self.node,
            self.wiring.found_accessions,
        )
        said = list(finder.work_all())
        database.close()
        self.services.session.expire_all()
        return said

    def lookup(self, study: Study) -> AccessionLookup:
        return self.services.session.scalars(select(AccessionLookup).where(AccessionLookup.study_id == study.id)).one()

    @contextmanager
    def worklist(self, peer: str = "wlmscpfs") -> Iterator[None]:
        if peer == "wlmscpfs":
            with wlmscpfs(self.folder.parent, self.port):
                yield
        else:
            (self.folder.parent / "orthanc").mkdir()
            with Orthanc(self.folder.parent / "orthanc", self.port, free_port()).running(worklist=self.folder):
                yield


@pytest.fixture
def case(either_services: Services, tmp_path: Path) -> Case:
    """Give a clinic, and an empty worklist."""
    return Case(either_services, tmp_path)


@pytest.mark.parametrize("peer", ["wlmscpfs", "orthanc"])
def test_a_film_gets_the_number_of_the_one_order_that_it_can_answer(case: Case, peer: str) -> None:
    write_entry(case.folder, 1, DAY)
    write_entry(case.folder, 2, "20260310")
    write_entry(case.folder, 3, DAY, modality="CT")
    write_entry(case.folder, 4, DAY, PatientID="P2", PatientName="Hahn^Otto")
    study, stated = case.film(), case.film(seed=2, AccessionNumber="B7", StudyInstanceUID="1.2.9")
    version = study.report_version
    with case.worklist(peer):
        assert case.ask() == ["found"]
    assert [film.accession for film in (*study.films, *stated.films)] == ["A1", "B7"]
    lookup = case.lookup(study)
    assert (lookup.state, lookup.answer, lookup.source) == ("answered", "found", "RIS")
    assert lookup.due_at == case.services.clock()
    entries = case.services.session.scalars(select(AuditEntry).where(AuditEntry.action == "filled in accession"))
    assert [(entry.subject, entry.subject_key) for entry in entries] == [("study", study.key)]
    assert study.report_version == version  # nobody has a report without it


@pytest.mark.parametrize("peer", ["wlmscpfs", "orthanc"])
def test_several_orders_change_nothing_unless_one_has_the_films_study(case: Case, peer: str) -> None:
    write_entry(case.folder, 1, DAY)
    write_entry(case.folder, 77, DAY)
    unclear, named = case.film(StudyInstanceUID="1.2.8"), case.film(seed=2)
    with case.worklist(peer):
        assert case.ask() == ["several", "found"]
    assert (unclear.films[0].accession, named.films[0].accession) == ("", "A77")


def test_an_order_of_another_person_under_the_identifier_changes_nothing(case: Case) -> None:
    write_entry(case.folder, 1, DAY, PatientName="Hahn^Otto", PatientBirthDate="18790308", PatientSex="M")
    study = case.film()
    with case.worklist():
        assert case.ask() == ["other"]
    assert study.films[0].accession == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom's socket of no connection
def test_a_worklist_that_is_away_is_asked_again(case: Case) -> None:
    write_entry(case.folder, 1, DAY)
    study = case.film()
    assert case.ask() == ["RIS cannot be reached"]
    assert (case.lookup(study).state, case.lookup(study).attempts) == ("queued", 1)
    assert case.ask() == []
    case.services.clock.forward(minutes=1)
    with case.worklist():
        assert case.ask() == ["found"]
    assert study.films[0].accession == "A1"


def test_a_peer_that_serves_no_worklist_is_named(case: Case) -> None:
    case.film()
    (case.folder.parent / "orthanc").mkdir()
    with Orthanc(case.folder.parent / "orthanc", case.port, free_port()).running():
        (said,) = case.ask()
    assert said.startswith("RIS ") and ("C-FIND" in said or "takes no" in said)


def test_the_number_of_an_order_with_other_films_is_not_given_twice(case: Case) -> None:
    write_entry(case.folder, 1, DAY)
    case.film(AccessionNumber="A1", StudyInstanceUID="1.2.9")
    study = case.film(seed=2)
    with case.worklist():
        assert case.ask() == ["taken"]
    assert study.films[0].accession == ""


def test_the_films_of_one_study_get_one_number_also_those_that_come_later(case: Case) -> None:
    write_entry(case.folder, 1, DAY)
    study = case.film()
    with case.worklist():
        case.ask()
    said = MARIE | {"StudyDate": DAY, "StudyInstanceUID": OWN, "SOPInstanceUID": generate_uid()}
    case.services.studies.add_films(case.ada, study.key, [("film", dicom_file(chest_bytes(seed=5), **said))])
    other = said | {"AccessionNumber": "B7", "SOPInstanceUID": generate_uid()}
    case.services.studies.add_films(case.ada, study.key, [("film", dicom_file(chest_bytes(seed=6), **other))])
    assert case.ask() == []
    assert [film.accession for film in study.films] == ["A1", "A1", "B7"]
    assert all(film.accession_index for film in study.films)


def test_an_order_of_ours_with_that_number_is_answered_if_it_is_of_the_patient(case: Case) -> None:
    orders = case.wiring.over(case.services.session).orders
    for number, name in ((1, "Curie Marie"), (2, "Hahn Otto")):
        facts = PatientFacts(identifier=f"P{number}", name=name)
        orders.place(case.ada, facts, OrderRequest(accession=f"A{number}"), OrderWay.PAGE)
    write_entry(case.folder, 1, DAY)
    write_entry(case.folder, 2, "20260310")
    study, other = case.film(), case.film(seed=2, StudyDate="20260310", StudyInstanceUID="1.2.9")
    with case.worklist():
        assert case.ask() == ["found", "other"]
    assert [order.accession for order in orders.of_study(case.ada, study.key)] == ["A1"]
    assert other.films[0].accession == ""


def test_a_report_that_was_made_already_is_made_anew(case: Case) -> None:
    write_entry(case.folder, 1, DAY)
    study = case.film()
    assert case.services.read_all() == 1
    version = study.report_version
    with case.worklist():
        assert case.ask() == ["found"]
    assert study.report_version == version + 1


def test_an_order_of_ours_whose_film_was_read_before_it_was_numbered_is_done(case: Case) -> None:
    orders = case.wiring.over(case.services.session).orders
    facts = PatientFacts(identifier="P1", name="Curie Marie")
    orders.place(case.ada, facts, OrderRequest(accession="A1"), OrderWay.PAGE)
    write_entry(case.folder, 1, DAY)
    study = case.film()
    assert case.services.read_all() == 1
    with case.worklist():
        assert case.ask() == ["found"]
    assert [order.status for order in orders.of_study(case.ada, study.key)] == ["done"]


def test_an_order_of_ours_stays_with_the_study_that_answers_it(case: Case) -> None:
    orders = case.wiring.over(case.services.session).orders
    facts = PatientFacts(identifier="P1", name="Curie Marie")
    order = orders.place(case.ada, facts, OrderRequest(accession="A1"), OrderWay.PAGE).order
    write_entry(case.folder, 1, DAY)
    first = case.film()
    with case.worklist():
        assert case.ask() == ["found"]
        second = case.film(seed=2)
        assert case.ask() == ["found"]
    assert [film.accession for study in (first, second) for film in study.films] == ["A1", "A1"]
    assert orders.get(case.ada, order.key).study_key == first.key


def test_what_a_wrong_identifier_found_is_forgotten_and_the_right_one_is_asked_for(case: Case) -> None:
    nobody: dict[str, Any] = {"PatientName": "", "PatientBirthDate": "", "PatientSex": ""}
    write_entry(case.folder, 1, DAY)
    write_entry(case.folder, 2, DAY, PatientID="P2", PatientName="Hahn^Otto", **OTTO)
    study = case.film(**nobody)
    stated = dicom_file(chest_bytes(seed=4), **{**MARIE, **nobody, **same_study(), "AccessionNumber": "A1"})
    case.services.studies.add_films(case.ada, study.key, [("film", stated)])
    patients = case.wiring.over(case.services.session).patients
    patient = case.services.studies.patient(case.ada, study)
    with case.worklist():
        assert case.ask() == ["found"]
        assert [film.accession for film in study.films] == ["A1", "A1"]
        patients.change(case.ada, patient.key, PatientFacts(identifier="P1", name="Curie Marie"))
        assert [film.accession for film in study.films] == ["A1", "A1"]
        patients.change(case.ada, patient.key, PatientFacts(identifier="P2"))
        assert [(film.accession, bool(film.accession_index)) for film in study.films] == [("", False), ("A1", True)]
        assert case.ask() == ["several"]
    patients.change(case.ada, patient.key, PatientFacts(identifier="P*"))
    assert case.ask() == [""]


def test_films_of_another_clinic_are_left_to_its_node_and_are_never_asked_for(case: Case) -> None:
    study = case.film()
    dale = Person(None, "LUNGWISE", case.services.person("Otto", "Dale").clinic_id, Role.NODE)
    assert case.ask(dale) == []
    assert case.lookup(study).state == "queued"
    case.services.clock.forward(days=1)  # their clinic has no node
    assert case.ask(dale) == [""]
    assert (case.lookup(study).state, case.lookup(study).answer) == ("answered", "")
