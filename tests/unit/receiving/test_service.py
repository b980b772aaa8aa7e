from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, func, select

from dicom_files import dicom_file, report_file
from lungwise.access import Person, Role
from lungwise.errors import Full, NotFound, Rejected, Unavailable
from lungwise.patients.service import PatientFacts
from lungwise.receiving.film_files import film_files
from lungwise.receiving.other_files import SkipReason
from lungwise.receiving.service import Uploads
from lungwise.receiving.uploads import Limits, Upload
from lungwise.store import Base, CollisionError, Database, FilmStore
from lungwise.store.backup import check_films
from lungwise.studies.models import FilmRecord, Job, JobState, Study
from lungwise.studies.object_models import HeldFilm, OtherObject
from lungwise.web_app import create_app
from lungwise.wiring import Wiring
from synthetic_films import chest_words

if TYPE_CHECKING:
    from conftest import Clock, Visitor
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise
    from synthetic_reader import SyntheticReader


@dataclass
class Desk:
    """Uploads, and what lies behind them."""

    database: Database
    store: FilmStore
    uploads: Uploads
    person: Person
    woken: list[str]
    folder: Path
    wiring: Wiring

    def left(self) -> list[tuple[str, str]]:
        found = check_films(self.database, self.store)
        assert (found.missing, found.damaged) == ([], [])
        return found.left_over

    def count(self, table: type[Base]) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def desk(
    either: Settings,
    migrate: Callable[[Settings], None],
    enrol: Callable[..., Person],
    clock: Clock,
    synthetic_reader: type[SyntheticReader],
) -> Iterator[Desk]:
    either = either.model_copy(update={"study_films": 3})
    migrate(either)
    app = create_app(either, synthetic_reader, clock)
    store, woken = FilmStore(either), list[str]()
    limits = Limits(films=3, film_bytes=1 << 20, total_bytes=9 << 20)
    wiring = Wiring(either, store)
    uploads = Uploads(wiring.receive(app.database, lambda: woken.append("")), limits)
    yield Desk(app.database, store, uploads, enrol(app, "Ada"), woken, either.films_folder, wiring)
    app.database.close()


def files(*films: bytes) -> list[tuple[str, bytes]]:
    return [("film.jpg", film) for film in films]


@contextmanager
def failing_commits(database: Database, error: Exception) -> Iterator[None]:
    def fail(_connection: object) -> None:
        raise error

    event.listen(database.engine, "commit", fail)
    try:
        yield
    finally:
        event.remove(database.engine, "commit", fail)


def test_films_are_saved_and_a_reader_is_called(desk: Desk, film: Callable[..., bytes]) -> None:
    key = desk.uploads.open(desk.person, PatientFacts(identifier="7"), files(film(1))).key
    assert desk.uploads.add_films(desk.person, key, files(film(1), film(2))).key == key
    assert (desk.count(FilmRecord), desk.left(), len(desk.woken)) == (2, [], 2)


def test_what_will_be_refused_puts_no_file(
    desk: Desk, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = desk.uploads.open(desk.person, PatientFacts(identifier="7"), files(film(1), film(2))).key
    put: list[str] = []
    monkeypatch.setattr(desk.store, "put", lambda study, _data: put.append(study))
    with pytest.raises(Rejected, match="at most 3 films; with these it would have 4"):
        desk.uploads.add_films(desk.person, key, files(film(3), film(4)))
    with pytest.raises(NotFound):
        desk.uploads.add_films(desk.person, "0" * 20, files(film(3)))
    with pytest.raises(NotFound):
        desk.uploads.open(Person(1, "Guest", 1, Role.DOCTOR, frozenset()), PatientFacts(), files(film(3)))
    assert put == []


@pytest.mark.parametrize("error", [OSError("the machine is switched off"), CollisionError("always"), KeyError("a bug")])
def test_files_of_a_transaction_that_did_not_commit_are_removed(
    desk: Desk, film: Callable[..., bytes], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lungwise.store.faults._FIRST_PAUSE_SECONDS", 0.001)  # it is tried again as often, and sooner
    key = desk.uploads.open(desk.person, PatientFacts(identifier="7"), files(film(1))).key
    before = list(desk.store.films())
    with failing_commits(desk.database, error):
        with pytest.raises(type(error)):
            desk.uploads.open(desk.person, PatientFacts(identifier="8"), files(film(2)))
        with pytest.raises(type(error)):
            desk.uploads.add_films(desk.person, key, files(film(1), film(3)))
    assert list(desk.store.films()) == before
    assert (desk.count(Study), desk.count(FilmRecord), desk.left()) == (1, 1, [])


def test_a_film_whose_file_is_lost_or_damaged_is_put_back_where_it_comes_again(
    desk: Desk, film: Callable[..., bytes]
) -> None:
    patients = [PatientFacts(identifier=number) for number in ("7", "8")]  # the same bytes, typed as of both
    keys = [desk.uploads.open(desk.person, facts, files(film(1))).key for facts in patients]
    before = sorted(desk.store.films())
    with desk.database.writing() as session:
        for job in session.scalars(select(Job)):
            job.state = JobState.FAILED
    desk.store.delete(keys[0])
    (damaged,) = (file.path for file in desk.store.files())
    path = desk.folder / damaged
    path.write_bytes(path.read_bytes()[:-1])
    assert desk.uploads.open(desk.person, PatientFacts(identifier="7"), files(film(1))).key == keys[0]
    assert (sorted(desk.store.films()), desk.count(FilmRecord), desk.left()) == (before, 2, [])
    with desk.database.reading() as session:
        assert set(session.scalars(select(Job.state))) == {JobState.QUEUED}


def test_a_film_that_cannot_be_compared_with_one_whose_file_is_lost_is_kept_aside(desk: Desk) -> None:
    key = desk.uploads.open(desk.person, PatientFacts(), [("a.dcm", dicom_file(chest_words(1)))]).key
    desk.store.delete(key)
    with pytest.raises(Rejected, match="set aside"):
        desk.uploads.open(desk.person, PatientFacts(), [("a.dcm", dicom_file(chest_words(2)))])
    assert desk.count(HeldFilm) == 1


def test_a_film_that_another_upload_saves_is_not_taken_from_it(desk: Desk, film: Callable[..., bytes]) -> None:
    """Of two uploads of one film, the one that fails finds the other's row."""
    key = desk.uploads.open(desk.person, PatientFacts(identifier="7"), files(film(1))).key
    with film_files(desk.database, desk.store) as failing:
        failing.put(key, [Upload(data=film(2), kind="JPEG")])
        desk.uploads.add_films(desk.person, key, files(film(2)))
    assert (desk.count(FilmRecord), desk.left()) == (2, [])


def test_a_film_that_a_failed_upload_removes_meanwhile_is_put_again(
    desk: Desk, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = desk.uploads.open(desk.person, PatientFacts(identifier="7"), files(film(1))).key
    put, tries = desk.store.put, list[str]()

    def put_and_lose(study: str, data: bytes, name: str = "", *, anew: bool = False) -> str:
        name = put(study, data, name, anew=anew)
        tries.append(name)
        if len(tries) == 1:
            desk.store.remove(study, name)
        return name

    monkeypatch.setattr(desk.store, "put", put_and_lose)
    desk.uploads.add_films(desk.person, key, files(film(2)))
    assert (len(tries), desk.count(FilmRecord), desk.left()) == (2, 2, [])


def test_a_store_that_takes_half_an_upload_keeps_nothing_of_it(
    desk: Desk, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    put, taken = desk.store.put, list[str]()

    def refuse_the_second(study: str, data: bytes, name: str = "", *, anew: bool = False) -> str:
        if taken:
            raise OSError(28, os.strerror(28))
        taken.append(put(study, data, name, anew=anew))
        return taken[0]

    monkeypatch.setattr(desk.store, "put", refuse_the_second)
    with pytest.raises(Full):
        desk.uploads.open(desk.person, PatientFacts(identifier="7"), files(film(1), film(2)))
    assert (list(desk.store.films()), desk.count(Study)) == ([], 0)
    assert issubclass(Full, Unavailable)


def test_forty_films_for_a_study_of_thirty_leave_no_file(
    settings: Settings,
    migrate: Callable[[Settings], None],
    enrol: Callable[..., Person],
    visit: Callable[..., Visitor],
    clock: Clock,
    synthetic_reader: type[SyntheticReader],
    film: Callable[..., bytes],
) -> None:
    settings = settings.model_copy(update={"study_films": 30})
    migrate(settings)
    app = create_app(settings, synthetic_reader, clock)
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film())
    kept = list(FilmStore(settings).films())
    for path in ("/studies/new", f"{study}/films"):
        forty = [(io.BytesIO(b"\xff\xd8\xff" + bytes([number])), f"{number}.jpg") for number in range(40)]
        assert "A study holds at most" in ada.post(path, page="/studies/new", films=forty).text
    assert list(FilmStore(settings).films()) == kept
    app.database.close()


def test_a_film_of_whatever_bytes_is_taken(
    app: Lungwise, enrol: Callable[..., Person], visit: Callable[..., Visitor], film: Callable[..., bytes]
) -> None:
    """Line ends at the end of every piece in which a form is read look as if the film's part might end there."""
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    assert ada.upload(film() + b"\r\n" * 200_000)


def test_films_beyond_the_accounts_quota_leave_nothing_behind(
    desk: Desk, either: Settings, film: Callable[..., bytes]
) -> None:
    wiring = Wiring(either.model_copy(update={"account_films": 2}), desk.store)
    uploads = Uploads(wiring.receive(desk.database), wiring.limits)
    uploads.open(desk.person, PatientFacts(), files(film(1)))
    with pytest.raises(Rejected, match="3 films today, and 2 are allowed"):
        uploads.open(desk.person, PatientFacts(), files(film(2), film(3)))
    assert (desk.count(Study), desk.count(FilmRecord), desk.left()) == (1, 1, [])
    uploads.open(desk.person, PatientFacts(), files(film(1), film(2)))  # the first is here, and counts once
    assert desk.count(FilmRecord) == 2


def test_objects_beside_films_and_films_that_are_held_count_too(desk: Desk, either: Settings) -> None:
    wiring = Wiring(either, desk.store)
    film, other = (dicom_file(chest_words(seed), SOPInstanceUID="1.2.3") for seed in (1, 2))
    reports = [report_file(f"1.2.3.{number}") for number in range(2)]
    wiring.limits = replace(wiring.limits, account_bytes=len(film) + len(reports[0]))
    uploads = Uploads(wiring.receive(desk.database), wiring.limits)
    with pytest.raises(Rejected, match="GB today"):
        uploads.open(desk.person, PatientFacts(), files(film, *reports))
    assert (desk.count(Study), desk.count(OtherObject), desk.left()) == (0, 0, [])
    for _time in range(2):  # what is here counts once
        uploads.open(desk.person, PatientFacts(), files(film, reports[0]))
    with pytest.raises(Rejected, match="GB today"):
        uploads.open(desk.person, PatientFacts(), files(film, reports[1]))
    with pytest.raises(Rejected, match="GB today"):
        uploads.open(desk.person, PatientFacts(), files(other))
    assert (desk.count(FilmRecord), desk.count(OtherObject), desk.count(HeldFilm), desk.left()) == (1, 1, 0, [])


def test_another_film_of_the_same_uid_in_one_upload_is_held_and_the_same_film_is_saved_once(desk: Desk) -> None:
    words = chest_words(1)
    one, same = (dicom_file(words, SOPInstanceUID="1.2.3", InstitutionName=name) for name in ("Hill", "Dale"))
    other = dicom_file(chest_words(2), SOPInstanceUID="1.2.3")
    saved = desk.uploads.open(desk.person, PatientFacts(), [("a", one), ("b", same), ("c", other)])
    assert (saved.taken, [(file.name, file.reason) for file in saved.skipped]) == (1, [("c", SkipReason.KEPT_ASIDE)])
    assert (desk.count(FilmRecord), desk.count(HeldFilm), desk.left()) == (1, 1, [])


def test_an_upload_that_is_refused_holds_no_film_and_counts_none(desk: Desk, either: Settings) -> None:
    wiring = Wiring(either.model_copy(update={"account_films": 3}), desk.store)
    uploads = Uploads(wiring.receive(desk.database), wiring.limits)
    key = uploads.open(desk.person, PatientFacts(), files(dicom_file(chest_words(1), SOPInstanceUID="1.2.3"))).key
    before = list(desk.store.films())
    held = dicom_file(chest_words(2), SOPInstanceUID="1.2.3")
    patients = [dicom_file(chest_words(n), SOPInstanceUID=f"1.2.3.{n}", PatientID=f"P-{n}") for n in (3, 4)]
    for upload in (partial(uploads.open, desk.person, PatientFacts()), partial(uploads.add_films, desk.person, key)):
        with pytest.raises(Rejected, match="more than one patient"):
            upload(files(held, *patients))
    more = [dicom_file(chest_words(n), SOPInstanceUID=f"1.2.3.{n}", PatientID="P-3") for n in (3, 4)]
    with pytest.raises(Rejected, match="4 films today, and 3 are allowed"):
        uploads.open(desk.person, PatientFacts(), files(held, *more))
    assert (desk.count(HeldFilm), list(desk.store.films())) == (0, before)
    uploads.open(desk.person, PatientFacts(), files(held, more[0]))  # no refused film was counted
    assert (desk.count(FilmRecord), desk.count(HeldFilm)) == (2, 1)


def test_a_held_film_that_comes_as_a_film_while_it_is_taken_becomes_no_second_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, held = (dicom_file(chest_words(n), SOPInstanceUID="1.2.3") for n in (1, 2))
    first = desk.uploads.open(desk.person, PatientFacts(), files(known)).key
    with pytest.raises(Rejected, match="set aside"):
        desk.uploads.open(desk.person, PatientFacts(), files(held))
    admin, put, came = replace(desk.person, role=Role.ADMINISTRATOR), desk.store.put, list[str]()

    def put_and_come(study: str, data: bytes, name: str = "", *, anew: bool = False) -> str:
        if not came:
            came.append("")
            with desk.database.writing() as session:
                desk.wiring.over(session).studies.delete(admin, first)
            came[0] = desk.uploads.open(desk.person, PatientFacts(), files(held)).key
        return put(study, data, name, anew=anew)

    with desk.database.reading() as session:
        key = session.scalars(select(HeldFilm.key)).one()
    monkeypatch.setattr(desk.store, "put", put_and_come)
    assert [desk.uploads.take(admin, key)] == came
    assert (desk.count(FilmRecord), desk.count(HeldFilm), desk.left()) == (1, 0, [])


def test_a_film_uploaded_again_under_the_former_name_of_its_patient_is_in_its_study(
    desk: Desk, film: Callable[..., bytes]
) -> None:
    former = PatientFacts(identifier="A-1", name="Doe Jane")
    key = desk.uploads.open(desk.person, former, files(film(1))).key
    with desk.database.writing() as session:
        patients = desk.wiring.over(session).patients
        (jane,) = patients.known_by(desk.person, "A-1")
        patients.change(desk.person, jane.key, replace(former, name="Roe Jane"))
    again = desk.uploads.open(desk.person, former, files(film(1)))
    assert (again.key, again.elsewhere, desk.count(Study)) == (key, (), 1)
