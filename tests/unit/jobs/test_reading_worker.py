from __future__ import annotations

import errno
import gc
import itertools
import threading
import time
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from lungwise.accounts.models import User
from lungwise.films import Film, Refusal, work_limit
from lungwise.films.work_limit import DEFAULT_SECONDS
from lungwise.jobs.reading_queue import Claim, Jobs, Model
from lungwise.jobs.reading_worker import FilmReader, ReadingWorker
from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Reading
from lungwise.store import Database, FilmStore
from lungwise.studies.models import Job, JobState, ReadingRecord, Study, StudyStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from conftest import Services
    from lungwise.access import Person
    from synthetic_reader import SyntheticReader


class BrokenReader:
    """A reader with a fault of its own."""

    model, version = "broken", "1"

    def read(self, film: Film) -> Reading:
        raise RuntimeError("a fault")


class SlowReader:
    """A reader that takes as long over a film as it is made to."""

    model, version = "synthetic", "1"

    def __init__(self, reader: SyntheticReader) -> None:
        self.reader, self.begun, self.may_end = reader, threading.Event(), threading.Event()

    def read(self, film: Film) -> Reading:
        self.begun.set()
        assert self.may_end.wait(60)
        return self.reader.read(film)


class CountingReader:
    """A reader that counts its films, and does something before it reads each."""

    model, version = "synthetic", "1"

    def __init__(self, reader: SyntheticReader, before: Callable[[int], object] = bool) -> None:
        self.reader, self.films, self.before = reader, 0, before

    def read(self, film: Film) -> Reading:
        self.films += 1
        self.before(self.films)
        return self.reader.read(film)


class RefusingReader:
    """A reader that refuses, and remembers the pixels without keeping them."""

    model, version = "synthetic", "1"

    def __init__(self) -> None:
        self.pixels: list[weakref.ref[object]] = []

    def read(self, film: Film) -> Reading:
        self.pixels.append(weakref.ref(film.pixels))
        raise Refusal("not a film", {"sentence": "This is not a chest film."})


@pytest.fixture
def worker_with(services: Services) -> Iterator[Callable[..., ReadingWorker]]:
    """Give what makes further workers over the same database."""
    database = Database(services.settings)

    def make(
        reader: FilmReader, readers: int = 0, notify: Callable[[], None] | None = None, **changed: float
    ) -> ReadingWorker:
        settings = services.settings.model_copy(update=changed)
        return ReadingWorker(settings, database, services.store, services.clock, lambda: reader, readers, notify)

    yield make
    database.close()


def opened(services: Services, *films: bytes) -> Study:
    study = services.studies.open(services.person(), PatientFacts(), [(str(n), data) for n, data in enumerate(films)])
    services.session.commit()
    return study


@pytest.fixture
def quick_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a batch hold as many films as one may, however long they take here."""
    monkeypatch.setattr("lungwise.jobs.reading_worker._BATCH_SECONDS", 1e9)


def the_jobs(services: Services) -> Sequence[Job]:
    """Give every job as it stands now, the oldest first."""
    services.session.expire_all()
    return services.session.scalars(select(Job).order_by(Job.id)).all()


def readings(services: Services) -> int:
    """Count them, and hold nobody up."""
    count = services.session.scalar(select(func.count()).select_from(ReadingRecord)) or 0
    services.session.commit()
    return count


def test_a_reading_is_kept_once_however_often_it_is_finished(services: Services, film: Callable[..., bytes]) -> None:
    opened(services, film(1))
    services.read_all()
    services.session.execute(Job.__table__.update().values(state=JobState.QUEUED))  # type: ignore[attr-defined]
    services.read_all()
    assert services.session.scalar(select(func.count()).select_from(ReadingRecord)) == 1


def test_a_fault_leaves_the_film_queued_for_later(
    services: Services, worker_with: Callable[..., ReadingWorker], film: Callable[..., bytes]
) -> None:
    study = opened(services, film(1))
    assert sum(1 for _ in worker_with(BrokenReader()).read_all()) == 1
    services.session.expire_all()
    job = study.films[0].jobs[0]
    assert (job.state, job.error, job.attempts) == (JobState.QUEUED, "RuntimeError", 1)


def test_a_refused_film_leaves_the_memory_at_once(
    services: Services, worker_with: Callable[..., ReadingWorker], film: Callable[..., bytes]
) -> None:
    opened(services, film(1))
    reader = RefusingReader()
    gc.disable()
    try:
        assert worker_with(reader).read_next()
        assert [pixels() for pixels in reader.pixels] == [None]
    finally:
        gc.enable()


def test_a_turn_reads_what_is_queued_and_calls_for_help_once(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
) -> None:
    calls: list[int] = []
    worker = worker_with(synthetic_reader(), notify=lambda: calls.append(readings(services)))
    worker.work_for()
    assert calls == []
    opened(services, film(1), film(2), film(3))
    worker.work_for()
    assert calls == [0], "before the first film is read"
    assert readings(services) == 3


def test_a_turn_ends_after_a_while_and_leaves_the_rest(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
) -> None:
    opened(services, film(1), film(2))
    worker_with(synthetic_reader()).work_for(0)
    assert readings(services) == 1


@pytest.mark.parametrize(
    ("batch_seconds", "kept_before"), [(1e-9, [*range(10)]), (1e9, [0, *[1] * 8, 9])], ids=["slow", "quick"]
)
def test_films_are_kept_together_where_they_are_quick_and_one_by_one_where_they_are_not(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
    monkeypatch: pytest.MonkeyPatch,
    batch_seconds: float,
    kept_before: list[int],
) -> None:
    monkeypatch.setattr("lungwise.jobs.reading_worker._BATCH_SECONDS", batch_seconds)
    opened(services, *(film(n) for n in range(10)))
    seen: list[int] = []
    worker_with(CountingReader(synthetic_reader(), lambda _number: seen.append(readings(services)))).work_for()
    assert seen == kept_before
    assert readings(services) == 10


@pytest.mark.usefixtures("quick_films")
def test_films_that_turn_out_to_be_slow_are_kept_one_by_one(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(services, *(film(n) for n in range(4)))
    seen: list[int] = []

    def look_and_slow_down(number: int) -> None:
        seen.append(readings(services))
        monkeypatch.setattr("lungwise.jobs.reading_worker._BATCH_SECONDS", 1e9 if number == 1 else 1e-9)

    worker_with(CountingReader(synthetic_reader(), look_and_slow_down)).work_for()
    assert seen == [0, 1, 2, 3]
    assert readings(services) == 4


@pytest.mark.usefixtures("quick_films")
def test_what_is_left_of_a_batch_at_the_end_of_a_turn_is_released(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(services, *(film(n) for n in range(4)))
    reader = CountingReader(synthetic_reader())
    worker = worker_with(reader)
    worker.work_for(0)
    reader.before = lambda _number: monkeypatch.setattr("lungwise.jobs.reading_worker._BATCH_SECONDS", 1e-9)
    worker.work_for(0)
    assert readings(services) == 2
    jobs = the_jobs(services)
    assert [(job.state, job.attempts) for job in jobs[2:]] == [(JobState.QUEUED, 0)] * 2
    assert services.read_all() == 2


@pytest.mark.usefixtures("quick_films")
def test_another_worker_is_called_where_a_batch_is_full(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
) -> None:
    calls: list[int] = []
    worker = worker_with(synthetic_reader(), notify=lambda: calls.append(readings(services)))
    opened(services, film(0))
    worker.work_for()
    assert calls == [0], "a batch of one is full at first"
    services.studies.add_films(*one_more(services, film(1), film(2)))
    services.session.commit()
    worker.work_for()
    assert calls == [0], "no film is left for another worker"
    services.studies.add_films(*one_more(services, *(film(n) for n in range(3, 12))))
    services.session.commit()
    worker.work_for()
    assert calls == [0, 3]
    assert readings(services) == 12


def one_more(services: Services, *films: bytes) -> tuple[Person, str, list[tuple[str, bytes]]]:
    """Say which films to add to the one study there is."""
    study, user = services.session.scalars(select(Study)).one(), services.session.scalars(select(User)).one()
    return user.person, study.key, [("more", data) for data in films]


@pytest.mark.usefixtures("quick_films")
def test_a_reading_that_is_no_number_is_its_own_films_fault(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
) -> None:
    opened(services, *(film(n) for n in range(4)))

    class Lost(CountingReader):
        def read(self, film: Film) -> Reading:
            reading = super().read(film)
            return replace(reading, findings={"normal": float("nan")}) if self.films == 3 else reading

    worker_with(Lost(synthetic_reader())).work_for()
    assert readings(services) == 3
    errors = services.session.scalars(select(Job.error).order_by(Job.id)).all()
    assert errors == ["", "", "ArithmeticError", ""]


@pytest.mark.usefixtures("quick_films")
def test_a_fault_leaves_the_films_beside_it_as_they_are(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
) -> None:
    opened(services, *(film(n) for n in range(4)))
    worker_with(CountingReader(synthetic_reader(), break_at_the_third)).work_for()
    assert readings(services) == 3
    jobs = the_jobs(services)
    assert [job.state for job in jobs] == [JobState.DONE, JobState.DONE, JobState.QUEUED, JobState.DONE]
    assert jobs[2].error == "RuntimeError"


def break_at_the_third(number: int) -> None:
    if number == 3:
        raise RuntimeError("a fault")


@pytest.mark.usefixtures("quick_films")
def test_what_was_read_is_kept_and_the_rest_released_when_the_store_goes_away(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "lungwise.reading_worker")
    opened(services, *(film(n) for n in range(4)))
    films = services.settings.films_folder

    def lose_the_store(number: int) -> None:
        if number == 2:
            films.rename(films.with_name("away"))

    with pytest.raises(OSError, match="No such file"):
        worker_with(CountingReader(synthetic_reader(), lose_the_store)).work_for()
    assert readings(services) == 2
    jobs = the_jobs(services)
    assert [(job.state, job.attempts) for job in jobs[2:]] == [(JobState.QUEUED, 0)] * 2
    assert sum("is done" in record.message for record in caplog.records) == 2


class BadSpot(FilmStore):
    """A store on a disk that has gone read-only and cannot give one of its films."""

    lost = ""

    def get(self, study: str, name: str) -> bytes:
        if name == self.lost:
            raise OSError(errno.EIO, "Input/output error")
        return super().get(study, name)

    def writable(self) -> bool:
        return False


@pytest.mark.usefixtures("quick_films")
def test_a_film_that_a_failing_disk_does_not_give_keeps_no_other_from_being_read(
    services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    study, store = opened(services, *(film(n) for n in range(6))), BadSpot(services.settings)
    store.lost = study.films[1].sha256
    database = Database(services.settings)
    worker = ReadingWorker(services.settings, database, store, services.clock, synthetic_reader)
    with pytest.raises(OSError, match="Input/output error"):
        worker.work_for()
    worker.work_for()
    database.close()
    assert readings(services) == 5


def test_a_reading_outlives_a_fault_in_taking_the_next_film(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(services, film(1), film(2))
    claim, calls, reader = Jobs.claim, itertools.count(1), CountingReader(synthetic_reader())

    def away_once(jobs: Jobs, model: Model, most: int) -> list[Claim]:
        if next(calls) == 2:
            raise OperationalError("taking the next film", {}, ConnectionError("gone"))
        return claim(jobs, model, most)

    monkeypatch.setattr(Jobs, "claim", away_once)
    worker_with(reader).work_for()
    assert readings(services) == 2
    assert reader.films == 2, "none is read again for it"


def test_a_film_is_kept_as_long_as_its_reader_lives(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
) -> None:
    study, slow = opened(services, film(1)), SlowReader(synthetic_reader())
    worker = worker_with(slow, readers=1, lease_seconds=0.6)
    worker.start()
    assert slow.begun.wait(60)
    services.session.commit()
    database = Database(services.settings)

    def due_at() -> datetime:
        with database.reading() as session:
            return session.scalars(select(Job.due_at)).one()

    first = due_at()
    while due_at() == first:
        assert slow.begun.wait(60)
    assert not services.worker.read_next()
    database.close()
    slow.may_end.set()
    assert worker.wait(study.id, 60)
    worker.stop()
    services.session.expire_all()
    job = study.films[0].jobs[0]
    assert (job.state, job.attempts) == (JobState.DONE, 1)


def test_a_film_whose_lease_ran_out_under_its_reader_gets_one_reading(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
) -> None:
    study, slow = opened(services, film(1)), SlowReader(synthetic_reader())
    worker = worker_with(slow, readers=1, lease_seconds=3600)
    worker.start()
    assert slow.begun.wait(60)
    long_ago = services.clock().replace(year=2000)
    services.session.execute(Job.__table__.update().values(due_at=long_ago))  # type: ignore[attr-defined]
    assert services.read_all() == 1
    slow.may_end.set()
    worker.stop()
    services.session.expire_all()
    assert len(study.films[0].readings) == 1
    assert study.films[0].jobs[0].attempts == 2


def test_films_stay_queued_while_the_store_is_away(
    services: Services, worker_with: Callable[..., ReadingWorker], film: Callable[..., bytes]
) -> None:
    study = opened(services, film(1))
    films = services.settings.films_folder
    away = films.rename(films.with_name("away"))
    for _look in range(3):
        with pytest.raises(OSError, match="No such file"):
            services.worker.read_next()
        services.session.execute(Job.__table__.update().values(due_at=study.created_at.replace(year=2000)))  # type: ignore[attr-defined]
        services.session.commit()
    away.rename(films)
    assert services.read_all() == 1
    assert study.films[0].jobs[0].attempts == 1


def test_a_film_that_is_missing_from_the_store_fails_alone(services: Services, film: Callable[..., bytes]) -> None:
    study = opened(services, film(1))
    services.store.delete(study.key)
    services.read_all()
    assert study.films[0].jobs[0].error == "FileNotFoundError"


def test_the_worker_reads_in_the_background_and_stops(services: Services, film: Callable[..., bytes]) -> None:
    study = opened(services, film(1))
    services.worker.start()
    assert services.worker.wait(study.id, 60)
    services.worker.stop()
    services.session.expire_all()
    assert study.status != StudyStatus.WAITING


def test_who_asks_while_enough_others_wait_is_answered_at_once(
    services: Services,
    worker_with: Callable[..., ReadingWorker],
    film: Callable[..., bytes],
    synthetic_reader: type[SyntheticReader],
) -> None:
    study, slow = opened(services, film(1)), SlowReader(synthetic_reader())
    worker = worker_with(slow, readers=1, threads=4)
    worker.start()
    assert slow.begun.wait(60)
    answers: list[bool] = []
    waiting = [threading.Thread(target=lambda: answers.append(worker.wait(study.id, 3600))) for _ in range(2)]
    for thread in waiting:
        thread.start()
    while worker.waiting < 2:
        time.sleep(0.01)
    assert not worker.wait(study.id, 3600)  # or this test never ends
    slow.may_end.set()
    for thread in waiting:
        thread.join()
    assert answers == [True, True]
    assert worker.wait(study.id, 3600)
    worker.stop()


def test_a_film_has_the_seconds_of_the_settings(services: Services) -> None:
    database = Database(services.settings)
    for seconds in (7.0, DEFAULT_SECONDS):
        settings = services.settings.model_copy(update={"film_seconds": seconds})
        ReadingWorker(settings, database, services.store, services.clock, CountingReader)  # type: ignore[arg-type]  # never made
        assert work_limit.film_seconds() == seconds
    database.close()
