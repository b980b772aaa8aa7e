"""The reading worker: reads what is queued, beside any number of other workers."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from resource import RUSAGE_SELF, getrusage
from typing import Protocol, TypeVar

import numpy as np
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from lungwise.clinics.destinations import ClinicDestinations
from lungwise.films import Film, Refusal, open_film
from lungwise.films.preprocess import LEAST_SIDE
from lungwise.films.work_limit import set_seconds
from lungwise.jobs.lease_renewer import LeaseRenewer
from lungwise.jobs.reading_queue import Claim, Jobs, Model
from lungwise.jobs.worker import Worker
from lungwise.logs import request_id
from lungwise.metrics import FAILURES, MEMORY, MODEL, PROCESSOR, READINGS, REFUSALS, STAGE_SECONDS
from lungwise.reading.artefact import shipped_card
from lungwise.reading.local_thresholds import localised
from lungwise.reading.reading import Reading, outcome_of
from lungwise.settings import Settings
from lungwise.store import Clock, Database, FilmStore
from lungwise.store.lease_queue import Lease

T = TypeVar("T")
Outcomes = dict[Claim, Reading | Refusal]
_log = logging.getLogger("lungwise.reading_worker")
_STUDY_POLL_SECONDS = 0.2
"""Seconds between two looks at a study whose films another process may be reading."""
TURN_SECONDS = 5.0
"""How long one message is answered: long enough that messages cost nothing, short enough to stop soon."""
_STORE_SECONDS = 2.0
"""Seconds until a film may be tried again that the store did not give."""
_BATCH_SECONDS = 0.25
"""Seconds of reading that one transaction keeps: many films where they are quick, and one where each takes long."""
_BATCH_FILMS = 8
"""Films in a batch, at most."""


class FilmReader(Protocol):
    """What reads films: the shipped model's reader, in production."""

    @property
    def model(self) -> str:
        """Name of its model."""

    @property
    def version(self) -> str:
        """Version of its model."""

    def read(self, film: Film) -> Reading:
        """Read one film, or raise Refusal."""


class ReadingWorker(Worker[Jobs]):
    """Reads queued films, in `readers` threads in the background of this process or where it is called.

    From here on this process gives a film as much time as the settings do. Of those who ask for a study's readings,
    only so many may wait at once that there are always threads to answer everybody else.

    Parameters
    ----------
    make_reader
        Makes the reader when the first film comes: never before a fork, and once.
    notify
        Calls the workers of other processes; by default through the broker, where the settings name one.
    """

    poll_seconds = 1.0

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: FilmStore,
        clock: Clock,
        make_reader: Callable[[], FilmReader],
        readers: int = 0,
        notify: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(database, "reader", readers)
        set_seconds(settings.film_seconds)
        self._settings = settings
        self._store = store
        self._clock = clock
        self._make_reader = make_reader
        self._leases = LeaseRenewer(self._renew, settings.lease_seconds)
        self._notify_others = notify or _notify_through(settings.broker)
        self._making = threading.Lock()
        self.waiting = 0
        self._limit = 1
        self._idle = True
        self._spent = 0.0

    def queue(self, session: Session) -> Jobs:
        """Open the queue over a session."""
        go = ClinicDestinations(session, self._settings)
        return Jobs(session, self._clock, self._settings.lease_seconds, go.archives, go.systems)

    def wake(self) -> None:
        """Tell all workers that films were queued."""
        self._notify()
        self._notify_others()

    def wait(self, study_id: int, seconds: float) -> bool:
        """Wait until a study is read, by whomever, and return whether it is; at once where too many wait already."""
        with self._change:
            seconds = seconds if self.waiting < self._settings.threads // 2 else 0
            self.waiting += seconds > 0
        try:
            return self._wait(study_id, time.monotonic() + seconds)
        finally:
            with self._change:
                self.waiting -= seconds > 0

    def _wait(self, study_id: int, end: float) -> bool:
        while self._ask(lambda jobs: jobs.unfinished(study_id)):
            left = end - time.monotonic()
            if left <= 0 or self._stopping:
                return False
            self._pause(min(left, _STUDY_POLL_SECONDS))
        return True

    @property
    def model(self) -> Model:
        """The model that reads here."""
        reader = self._reader()
        return Model(name=reader.model, version=reader.version)

    def work(self) -> None:
        """Read what is queued."""
        self._read_on(self._claim(self._limit), float("inf"))

    def work_for(self, seconds: float = TURN_SECONDS) -> bool:
        """Read what is queued in the calling thread for a while, and return whether there was anything.

        Where there is much, another worker is called.
        """
        end = time.monotonic() + seconds
        self._idle = False  # the call says that a film waits
        batch = self._claim(self._limit)
        if len(batch) == self._limit:  # else hardly any other film waits
            self._notify_others()
        self._read_on(batch, end)
        return bool(batch)

    def read_all(self) -> Iterator[None]:
        """Read what is queued in the calling thread, film by film."""
        while self.read_next():
            yield

    def read_next(self) -> bool:
        """Read the next film in the calling thread, and return whether there was one.

        Raises
        ------
        SQLAlchemyError
            If the database cannot be reached.
        OSError
            If the store cannot be reached. The film stays queued.
        """
        batch = self._claim(1)
        self._read_on(batch, end=0)
        return bool(batch)

    def _claim(self, limit: int) -> list[Claim]:
        """Claim the next jobs. After a claim that found none the queue is only read: nothing is locked."""
        if self._idle and not self._ask(Jobs.any_due):
            return []
        self._reader()  # before the transaction, which may hold the database's lock
        with STAGE_SECONDS.labels("database").time():
            return self._write(lambda jobs: self._next(jobs, limit))

    def _next(self, jobs: Jobs, limit: int) -> list[Claim]:
        batch = jobs.claim(self.model, limit)
        self._idle = not batch
        return batch

    def _read_on(self, batch: list[Claim], end: float) -> None:
        """Read a batch and those after it until no film waits, or until a time of the monotonic clock."""
        while batch:
            batch = self._read_batch(batch, end)

    def _read_batch(self, batch: list[Claim], end: float) -> list[Claim]:
        """Read films, keep what came of them and claim the next in one transaction: more of them cost too much."""
        outcomes: Outcomes = {}
        rest = deque(batch)
        with self._leases.hold(batch):
            try:
                self._read(rest, outcomes)
            except OSError:
                self._keep(outcomes, rest, end=0)
                raise
            return self._keep(outcomes, rest, end)

    def _read(self, rest: deque[Claim], outcomes: Outcomes) -> None:
        """Read films one after the other for as long as a batch may take.

        Raises
        ------
        OSError
            If the store cannot be reached. The film is queued again, for later.
        """
        began, took, films = time.perf_counter(), 0.0, len(rest)
        while rest and took < _BATCH_SECONDS:
            claim = rest.popleft()
            with _in_service_of(claim):
                self._read_one(claim, outcomes)
            took = time.perf_counter() - began
        self._limit = max(1, min(int(_BATCH_SECONDS * (films - len(rest)) / took), _BATCH_FILMS))

    def _read_one(self, claim: Claim, outcomes: Outcomes) -> None:
        try:
            outcomes[claim] = self._outcome(claim)
        except Exception as fault:  # whatever a strange film does to a reader, the queue goes on
            if isinstance(fault, OSError) and not self._store.writable():
                self._record(lambda jobs: jobs.release(claim, _STORE_SECONDS))
                raise
            FAILURES.inc()
            _log.error("Job %d failed.", claim.job, exc_info=fault, extra={"job": claim.job})
            error = type(fault).__name__
            self._record(lambda jobs: jobs.fail(claim, error))

    def _outcome(self, claim: Claim) -> Reading | Refusal:
        with STAGE_SECONDS.labels("store").time():
            data = self._store.get(claim.study, claim.sha256)
        return outcome_of(lambda: self._reading(data, claim))

    def _reading(self, data: bytes, claim: Claim) -> Reading:
        with STAGE_SECONDS.labels("decode").time():
            film = open_film(data, claim.photographed, LEAST_SIDE)
        with STAGE_SECONDS.labels("network").time():
            reading = localised(self._reader().read(film), shipped_card(), claim.thresholds)
        if not np.isfinite([reading.probability, *reading.appearance.values(), *reading.findings.values()]).all():
            raise ArithmeticError("The reading is not a number.")  # here, where it harms no other film
        return reading

    def _keep(self, outcomes: Outcomes, rest: deque[Claim], end: float) -> list[Claim]:
        """Keep what came of films, and return those to read next; at the end the rest is queued again."""
        with STAGE_SECONDS.labels("database").time():
            following = self._record(lambda jobs: self._finish(jobs, outcomes, rest, end))
        for claim, outcome in outcomes.items():
            _count(claim, outcome)
        self._count_time()
        self._notify()
        return following

    def _finish(self, jobs: Jobs, outcomes: Outcomes, rest: deque[Claim], end: float) -> list[Claim]:
        jobs.finish(outcomes)
        if time.monotonic() < end and not self._stopping:
            return list(rest) or self._next(jobs, self._limit)
        for claim in rest:
            jobs.release(claim)
        return []

    def _record(self, action: Callable[[Jobs], T]) -> T:
        """Write what came of a job; while the database is away, wait for it rather than read again."""
        while True:
            try:
                return self._write(action)
            except (OperationalError, InterfaceError):
                if self._stopping:
                    raise
                _log.warning("The database did not take a reading, which waits for it.", exc_info=True)
                self._pause(self.poll_seconds)

    def _renew(self, lease: Lease) -> None:
        self._write(lambda jobs: jobs.renew(lease))

    def _reader(self) -> FilmReader:
        with self._making:
            return self._made

    @cached_property
    def _made(self) -> FilmReader:
        reader = self._make_reader()
        self._spent = time.process_time()
        return reader

    def _count_time(self) -> None:
        with self._making:
            before, self._spent = self._spent, time.process_time()
            PROCESSOR.inc(self._spent - before)


def _notify_through(broker: str) -> Callable[[], None]:
    if not broker:
        return lambda: None
    from lungwise.jobs.wake_ups import WakeUps  # Celery is an extra

    return WakeUps(broker).notify


@contextmanager
def _in_service_of(claim: Claim) -> Iterator[None]:
    """Let what is logged meanwhile name the request that uploaded the film."""
    token = request_id.set(claim.request_id)
    try:
        yield
    finally:
        request_id.reset(token)


def _count(claim: Claim, outcome: Reading | Refusal) -> None:
    model = (claim.model.name, claim.model.version)
    MODEL.labels(*model).set(1)
    MEMORY.set(getrusage(RUSAGE_SELF).ru_maxrss << 10)
    if isinstance(outcome, Refusal):
        REFUSALS.labels(outcome.code, *model).inc()
        verdict = f"refused: {outcome.code}"
    else:
        verdict = outcome.verdict.value
        READINGS.labels(verdict, *model).inc()
    with _in_service_of(claim):
        _log.info("Job %d is done: %s.", claim.job, verdict, extra={"job": claim.job, "verdict": verdict})
