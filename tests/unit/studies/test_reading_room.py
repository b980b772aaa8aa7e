from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from lungwise.films import Film
from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Reading
from lungwise.store import Database
from lungwise.studies.jobs import ATTEMPTS, Jobs
from lungwise.studies.models import Job, JobState, ReadingRecord, Standing
from lungwise.studies.reading_room import ReadingRoom

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rooms


class BrokenReader:
    """A reader with a fault of its own."""

    def read(self, film: Film) -> Reading:
        raise RuntimeError("a fault")


def test_two_readers_never_claim_the_same_film(either_rooms: Rooms, film: Callable[..., bytes]) -> None:
    rooms, person = either_rooms, either_rooms.person()
    rooms.studies.open(person, PatientFacts(), [(str(n), film(n)) for n in range(4)])
    rooms.session.commit()
    jobs = Jobs(rooms.session, rooms.clock)
    claims = [jobs.claim() for _ in range(5)]
    assert claims[-1] is None
    assert len({claim.job for claim in claims if claim}) == 4


def test_a_reading_is_kept_once_however_often_it_is_finished(rooms: Rooms, film: Callable[..., bytes]) -> None:
    person = rooms.person()
    rooms.studies.open(person, PatientFacts(), [("a", film(1))])
    rooms.session.commit()
    rooms.read_all()
    rooms.session.execute(Job.__table__.update().values(state=JobState.QUEUED))  # type: ignore[attr-defined]
    rooms.read_all()
    assert rooms.session.scalar(select(func.count()).select_from(ReadingRecord)) == 1


def test_what_a_stopped_process_had_in_hand_is_read_after_a_restart(rooms: Rooms, film: Callable[..., bytes]) -> None:
    person = rooms.person()
    key = rooms.studies.open(person, PatientFacts(), [("a", film(1)), ("b", film(2))]).key
    Jobs(rooms.session, rooms.clock).claim()
    rooms.session.commit()
    assert Jobs(rooms.session, rooms.clock).resume() == 2
    rooms.read_all()
    assert rooms.studies.get(person, key).standing != Standing.WAITING


def test_a_fault_is_tried_again_and_then_said(rooms: Rooms, film: Callable[..., bytes]) -> None:
    person = rooms.person()
    key = rooms.studies.open(person, PatientFacts(), [("a", film(1))]).key
    rooms.session.commit()
    database = Database(rooms.settings)
    room = ReadingRoom(database, rooms.store, rooms.clock, BrokenReader, 1)
    assert sum(1 for _ in room.read_all()) == ATTEMPTS
    database.close()
    rooms.session.expire_all()
    study = rooms.studies.get(person, key)
    job = study.films[0].jobs[0]
    assert (job.state, job.error, job.attempts) == (JobState.FAILED, "RuntimeError", ATTEMPTS)
    assert study.standing == Standing.REFUSED


def test_a_film_deleted_while_it_is_read_is_left_alone(rooms: Rooms, film: Callable[..., bytes]) -> None:
    person = rooms.person()
    key = rooms.studies.open(person, PatientFacts(), [("a", film(1))]).key
    jobs = Jobs(rooms.session, rooms.clock)
    claim = jobs.claim()
    assert claim is not None
    rooms.studies.delete(person, key)
    jobs.give_up(claim, "gone")
    assert rooms.session.scalar(select(func.count()).select_from(Job)) == 0


def test_the_room_reads_in_the_background_and_stops(rooms: Rooms, film: Callable[..., bytes]) -> None:
    person = rooms.person()
    study = rooms.studies.open(person, PatientFacts(), [("a", film(1))])
    rooms.session.commit()
    rooms.room.start()
    assert rooms.room.wait(study.id, 60)
    rooms.room.stop()
    rooms.session.expire_all()
    assert rooms.studies.get(person, study.key).standing != Standing.WAITING
