from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import event, select, text

from dicom_files import dicom_bytes, film_dataset, report_file
from lungwise.access import Person, Role
from lungwise.accounts.service import Accounts
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail
from lungwise.errors import Rejected
from lungwise.films import Refusal
from lungwise.jobs.reading_worker import ReadingWorker
from lungwise.patients.models import Patient
from lungwise.patients.service import PatientFacts
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.kept_instances import KeptInstances, NotKept
from lungwise.receiving.receiver import FilmReceiver, Kept
from lungwise.receiving.uploads import ReceivedInstance, Upload, read_instance
from lungwise.store import Database, FilmStore, utc_now
from lungwise.store.backup import check_films
from lungwise.studies.commitment_models import Reference
from lungwise.studies.models import FilmRecord, Job, Study
from lungwise.studies.object_models import HeldFilm
from lungwise.studies.other_objects import OtherObjects
from lungwise.wiring import Wiring
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise
    from synthetic_reader import SyntheticReader


def arrived(study: str, instance: str = "", *, patient: str = "P1", seed: int = 0, **more: Any) -> ReceivedInstance:
    film = film_dataset(
        chest_bytes(seed=seed),
        SOPInstanceUID=instance or generate_uid(),
        StudyInstanceUID=study,
        SeriesInstanceUID="1.2.3",
        PatientID=patient,
        **{"PatientName": "Curie^Marie", **more},
    )
    return read_instance(dicom_bytes(film), "CR1")


@dataclass
class Desk:
    """A reception, and what lies behind it."""

    settings: Settings
    database: Database
    store: FilmStore
    reception: FilmReceiver
    rung: threading.Event
    clinic: int

    def accept(self, arrival: ReceivedInstance) -> Kept:
        return self.reception.accept(arrival, "10.0.0.7")

    def left_over(self) -> list[tuple[str, str]]:
        found = check_films(self.database, self.store)
        assert (found.missing, found.damaged) == ([], [])
        return found.left_over


def opened(settings: Settings) -> Iterator[Desk]:
    database, store = Database(settings), FilmStore(settings)
    with database.writing() as session:
        clinic = Accounts(session, utc_now, settings, AuditTrail(session, utc_now)).clinic("Hill").id
    rung = threading.Event()
    node = Person(None, "LUNGWISE", clinic, Role.NODE)
    yield Desk(
        settings,
        database,
        store,
        FilmReceiver(Wiring(settings, store).receive(database, rung.set), node),
        rung,
        clinic,
    )
    database.close()


@pytest.fixture
def desk(settings: Settings, migrate: Callable[[Settings], None]) -> Iterator[Desk]:
    migrate(settings)
    yield from opened(settings)


@pytest.fixture
def either_desk(either: Settings, migrate: Callable[[Settings], None]) -> Iterator[Desk]:
    migrate(either)
    yield from opened(either)


def test_a_film_becomes_a_study_of_the_nodes_clinic_and_keeps_its_uids_and_bytes(
    either: Settings, either_desk: Desk, synthetic_reader: type[SyntheticReader]
) -> None:
    desk, arrival = either_desk, arrived("1.2.840.1", "1.2.840.1.1")
    assert desk.accept(arrival) is Kept.NEW
    assert desk.rung.is_set()
    with desk.database.reading() as session:
        study = session.scalars(select(Study)).one()
        film = session.scalars(select(FilmRecord)).one()
        assert (study.node, study.author_id, study.study_uid) == ("LUNGWISE", None, "1.2.840.1")
        assert (film.study_uid, film.series_uid, film.instance_uid) == ("1.2.840.1", "1.2.3", "1.2.840.1.1")
        assert desk.store.get(study.key, film.sha256) == arrival.film.data
        patient = session.scalars(select(Patient)).one()
        assert (patient.identifier, patient.name) == ("P1", "Curie Marie")
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "received")).one()
        assert (entry.person_name, entry.address, entry.subject_key) == ("LUNGWISE", "10.0.0.7", study.key)
    worker = ReadingWorker(either, desk.database, desk.store, utc_now, synthetic_reader, 0)
    assert len(list(worker.read_all())) == 1
    with desk.database.reading() as session:
        assert session.scalars(select(Study)).one().status in ("positive", "uncertain", "negative")


def test_a_film_is_on_disk_before_the_database_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power cut cannot take: the file's bytes, then every name that leads to them, then the row."""
    done, laid_down = [], os.fsync

    def note(handle: int) -> None:
        laid_down(handle)
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.is_relative_to(desk.settings.films_folder):
            done.append(path)

    monkeypatch.setattr(os, "fsync", note)
    event.listen(desk.database.engine, "commit", lambda connection: done.append(Path("committed")))
    assert desk.accept(arrived("1.2.840.1")) is Kept.NEW
    with desk.database.reading() as session:
        study = desk.settings.films_folder / (key := session.scalars(select(Study.key)).one())[:2] / key
        assert session.scalar(text("PRAGMA synchronous")) == 2  # SQLite's own word for the same
    first, *names = done[: done.index(Path("committed"))]
    assert first.parent == study and first.name.startswith(".")
    assert {*names} >= {study, study.parent, desk.settings.films_folder}


def test_an_instance_is_accepted_once_whoever_sends_it_at_the_same_time(either_desk: Desk) -> None:
    desk = either_desk
    same = [arrived("1.2.840.1", "1.2.840.1.1", seed=number % 2) for number in range(8)]
    with ThreadPoolExecutor(8) as senders:
        new = list(senders.map(desk.accept, same))
    assert new.count(Kept.NEW) == 1
    kept = new.index(Kept.NEW) % 2
    assert {outcome for number, outcome in enumerate(new) if number % 2 == kept} == {Kept.NEW, Kept.KNOWN}
    assert {outcome for number, outcome in enumerate(new) if number % 2 != kept} == {Kept.HELD}
    with desk.database.reading() as session:
        assert len(session.scalars(select(FilmRecord)).all()) == len(session.scalars(select(Study)).all()) == 1
        assert len(session.scalars(select(Job)).all()) == len(session.scalars(select(HeldFilm)).all()) == 1
    assert desk.left_over() == []


def test_films_of_one_study_make_one_study_whoever_sends_them_at_the_same_time(either_desk: Desk) -> None:
    desk = either_desk
    films = [arrived("1.2.840.1", seed=number) for number in range(12)]
    together = threading.Barrier(6)

    def accept(arrival: ReceivedInstance) -> Kept:
        together.wait(240)
        return desk.accept(arrival)

    with ThreadPoolExecutor(6) as senders:
        assert set(senders.map(accept, films)) == {Kept.NEW}
    with desk.database.reading() as session:
        study = session.scalars(select(Study)).one()
        assert len(study.films) == len(session.scalars(select(Job)).all()) == 12
        assert len(session.scalars(select(Patient)).all()) == 1
        assert AuditTrail(session, utc_now).verify() is None
    assert desk.left_over() == []


def test_films_of_two_patients_under_one_study_uid_are_a_study_each(desk: Desk) -> None:
    for patient in ("P1", "P2", "P1", "P2", ""):
        assert desk.accept(arrived("1.2.840.1", patient=patient)) is Kept.NEW
    with desk.database.reading() as session:
        studies = session.scalars(select(Study).order_by(Study.id)).all()
        names = {patient.id: patient.identifier for patient in session.scalars(select(Patient))}
        assert [(names[study.patient_id], len(study.films)) for study in studies] == [("P1", 3), ("P2", 2)]


ADA: dict[str, Any] = {"PatientName": "Lovelace^Ada", "PatientSex": "F", "PatientBirthDate": "19800501"}
BOB: dict[str, Any] = {"PatientName": "Two^Bob", "PatientSex": "M", "PatientBirthDate": "19500101"}


@pytest.mark.parametrize("order", [(ADA, BOB), (BOB, ADA)])
def test_two_hospitals_films_of_one_number_are_two_patients_in_any_order(
    order: tuple[dict[str, Any], dict[str, Any]], either_desk: Desk
) -> None:
    desk = either_desk
    for study, who in enumerate((*order, *order)):
        assert desk.accept(arrived(f"1.2.840.{study}", patient="P-1", **who)) is Kept.NEW
    with desk.database.reading() as session:
        patients = {patient.id: patient for patient in session.scalars(select(Patient).order_by(Patient.id))}
        assert [patient.identity for patient in patients.values()] == ["clear", "unclear"]
        for number, kept in enumerate(session.scalars(select(Study).order_by(Study.id))):
            name = order[number % 2]["PatientName"].replace("^", " ")
            assert patients[kept.patient_id].name == name
            assert PatientFacts.from_json(kept.films[0].header).name == name


@pytest.mark.parametrize("nobody", ["0", "UNKNOWN", "anonymous", "000", " "])
def test_a_header_that_identifies_nobody_puts_no_two_studies_together(nobody: str, desk: Desk) -> None:
    for study, who in enumerate((ADA, BOB, ADA)):
        assert desk.accept(arrived(f"1.2.840.{study}", patient=nobody, **who)) is Kept.NEW
    with desk.database.reading() as session:
        patients = session.scalars(select(Patient)).all()
        assert {patient.identity for patient in patients} == {"clear"} and len(patients) == 3
        assert all(patient.identifier.startswith("LW-") for patient in patients)


def test_a_film_of_nobody_in_particular_does_not_go_under_another_name(desk: Desk) -> None:
    assert desk.accept(arrived("1.2.840.1", patient="P-1", **ADA)) is Kept.NEW
    assert desk.accept(arrived("1.2.840.1", patient="", **BOB)) is Kept.NEW
    with desk.database.reading() as session:
        assert sorted(patient.name for patient in session.scalars(select(Patient))) == ["Lovelace Ada", "Two Bob"]


def test_many_films_of_two_persons_with_one_number_make_two_patients_at_once(either_desk: Desk) -> None:
    desk = either_desk
    films = [arrived(f"1.2.840.{n}", patient="P-1", **(ADA, BOB)[n % 2]) for n in range(8)]
    with ThreadPoolExecutor(4) as senders:
        assert all(senders.map(desk.accept, films))
    with desk.database.reading() as session:
        assert len(session.scalars(select(Patient)).all()) == 2
        assert len(session.scalars(select(Study)).all()) == 8
    assert desk.left_over() == []


def test_a_film_without_a_patients_identifier_gets_one_for_its_study(desk: Desk) -> None:
    assert desk.accept(arrived("1.2.840.1", patient="")) is Kept.NEW
    assert desk.accept(arrived("1.2.840.1", patient="", seed=1)) is Kept.NEW
    with desk.database.reading() as session:
        assert session.scalars(select(Patient)).one().identifier.startswith("LW-")
        assert len(session.scalars(select(Study)).one().films) == 2


def test_a_study_takes_no_more_films_than_pages_can_show_and_keeps_no_file_of_the_rest(
    settings: Settings, migrate: Callable[[Settings], None]
) -> None:
    migrate(settings)
    for desk in opened(settings.model_copy(update={"study_films": 2})):
        assert desk.accept(arrived("1.2.840.1", seed=0)) is Kept.NEW
        assert desk.accept(arrived("1.2.840.1", seed=1)) is Kept.NEW
        with pytest.raises(Rejected, match="at most"):
            desk.accept(arrived("1.2.840.1", seed=2))
        assert desk.left_over() == []


def test_a_deleted_film_may_come_again(desk: Desk) -> None:
    arrival = arrived("1.2.840.1", "1.2.840.1.1")
    assert desk.accept(arrival) is Kept.NEW
    with desk.database.writing() as session:
        session.delete(session.scalars(select(Study)).one())
    assert desk.accept(arrival) is Kept.NEW


def test_a_film_is_kept_whose_study_is_deleted_once_its_file_lies_in_the_studys_folder(
    either_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = either_desk
    assert desk.accept(arrived("1.2.840.1")) is Kept.NEW
    ada = Person(1, "Ada", desk.clinic, Role.ADMINISTRATOR)
    put = FilmFiles.put

    def put_and_delete(files: FilmFiles, study: str, *args: Any, **more: Any) -> dict[str, Upload]:
        stored = put(files, study, *args, **more)
        with desk.database.writing() as session:
            for key in session.scalars(select(Study.key)).all():
                Wiring(desk.settings, desk.store).over(session).studies.delete(ada, key)
        return stored

    monkeypatch.setattr(FilmFiles, "put", put_and_delete)
    assert desk.accept(arrived("1.2.840.1", seed=1)) is Kept.NEW
    assert desk.left_over() == []
    with desk.database.reading() as session:
        assert len(session.scalars(select(FilmRecord)).all()) == 1


@pytest.mark.parametrize("missing", ["StudyInstanceUID", "SOPInstanceUID"])
def test_what_does_not_say_which_film_it_is_does_not_arrive(missing: str) -> None:
    film = film_dataset(chest_bytes(), StudyInstanceUID="1.2.840.1")
    delattr(film, missing)
    film.file_meta = None  # type: ignore[assignment]
    with pytest.raises(Refusal, match="names no study"):
        read_instance(dicom_bytes(film, bare=True), "CR1")


def test_a_dicom_film_uploaded_on_a_page_keeps_its_uids_too(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.upload(arrived("1.2.840.1", "1.2.840.1.1").film.data)
    with app.database.reading() as session:
        film = session.scalars(select(FilmRecord)).one()
        assert (film.study_uid, film.series_uid, film.instance_uid) == ("1.2.840.1", "1.2.3", "1.2.840.1.1")
        assert film.study.author_id is not None


def test_a_known_uid_with_other_content_is_kept_aside_and_said(either_desk: Desk) -> None:
    desk = either_desk
    first, uid = arrived("1.2.840.1", "1.2.840.1.1"), "1.2.840.1.1"
    assert desk.accept(first) is Kept.NEW
    others = [arrived("1.2.840.1", uid, seed=1), arrived("1.2.840.2", uid, patient="P2"), arrived("1.2.3", uid, seed=2)]
    for _time in range(2):  # whoever sends it again hears the same
        assert [desk.accept(other) for other in others] == [Kept.HELD] * 3
    with desk.database.reading() as session:
        assert len(session.scalars(select(FilmRecord)).all()) == len(session.scalars(select(Job)).all()) == 1
        held = session.scalars(select(HeldFilm).order_by(HeldFilm.id)).all()
        assert [(one.instance_uid, one.cause) for one in held] == [(uid, "pixels"), (uid, "patient"), (uid, "pixels")]
        assert [desk.store.get(one.key, one.sha256) for one in held] == [other.film.data for other in others]
        assert (held[0].sender, held[0].film_id) == ("CR1", session.scalars(select(FilmRecord.id)).one())
    assert desk.left_over() == []


@pytest.mark.parametrize("known", ["a film", "a report"])
def test_a_report_under_a_known_uid_is_kept_aside_and_the_first_object_is_given_back(
    known: str, either_desk: Desk
) -> None:
    desk, uids = either_desk, {"StudyInstanceUID": "1.2.840.1", "SeriesInstanceUID": "1.2.3"}
    reports = [
        read_instance(report_file("1.2.840.1.1", PatientID=patient, StudyID=text, **uids), "CR1")
        for patient, text in (("P1", "a"), ("P1", "b"), ("P2", "c"))
    ]
    assert desk.accept(arrived("1.2.840.1", "1.2.840.1.1" if known == "a film" else "")) is Kept.NEW
    first = Kept.HELD if known == "a film" else Kept.OBJECT
    assert [desk.accept(report) for report in reports] == [first, Kept.HELD, Kept.HELD]
    again = Kept.HELD if known == "a film" else Kept.KNOWN
    assert [desk.accept(report) for report in reports] == [again, Kept.HELD, Kept.HELD]
    with desk.database.reading() as session:
        objects = OtherObjects(session, desk.store)
        aside = [desk.store.get(one.key, one.sha256) for one in objects.aside(desk.clinic, ["1.2.840.1.1"])]
        assert aside == [report.film.data for report in (reports if known == "a film" else reports[1:])]
        mine = Reference("1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.1.1")
        safe, failed = KeptInstances(session, desk.store).sort(desk.clinic, [mine])
        assert (safe, failed) == ([], {mine: NotKept.PROCESSING_FAILURE})


def test_the_same_content_in_another_header_is_known(desk: Desk) -> None:
    assert desk.accept(arrived("1.2.840.1", "1.2.840.1.1")) is Kept.NEW
    changes: tuple[dict[str, Any], ...] = (
        {"InstitutionName": "Hill"},
        {"PatientName": "CURIE^MARIE"},
        {"StudyDescription": "Chest"},
    )
    for change in changes:
        assert desk.accept(arrived("1.2.840.1", "1.2.840.1.1", **change)) is Kept.KNOWN
    again = arrived("1.2.840.1", "1.2.840.1.1").film.data
    meta = again.replace(b"PYDICOM", b"OTHERAE", 1)
    assert desk.accept(read_instance(meta, "CR1")) is Kept.KNOWN
    with desk.database.reading() as session:
        assert session.scalars(select(HeldFilm)).all() == []


def test_what_an_account_sends_as_dicom_counts_among_what_it_may_upload_in_a_day(
    app: Lungwise, settings: Settings, enrol: Callable[..., Person]
) -> None:
    limited, store = settings.model_copy(update={"account_films": 2}), FilmStore(settings)
    ada, receive = enrol(app, "Ada"), Wiring(limited, store).receive(app.database)
    receiver = FilmReceiver(receive, ada)
    assert receiver.accept(arrived("1.2.840.1", "1.2.840.1.1"), "") is Kept.NEW
    assert receiver.accept(arrived("1.2.840.1", "1.2.840.1.1", seed=1), "") is Kept.HELD
    assert receiver.accept(arrived("1.2.840.1", "1.2.840.1.1"), "") is Kept.KNOWN
    with pytest.raises(Rejected, match="3 films today, and 2 are allowed"):
        receiver.accept(arrived("1.2.840.2"), "")
    assert len(list(store.films())) == 2
