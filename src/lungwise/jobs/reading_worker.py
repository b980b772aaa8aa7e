"""The reading room: reads what is queued, beside any number of other reading rooms."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from resource import RUSAGE_SELF, getrusage
from typing import Protocol, TypeVar

import numpy as np
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from lungwise.films import Film, Photographed, Refusal, open_film
from lungwise.films.work_limit import set_seconds
from lungwise.jobs.lease_renewer import LeaseRenewer
from lungwise.jobs.reading_queue import Claim, Jobs, Model
from lungwise.logs import request_id
from lungwise.metrics import FAILURES, MEMORY, MODEL, PROCESSOR, READINGS, REFUSALS, STAGE_SECONDS
from lungwise.reading.reading import Reading, outcome_of
from lungwise.settings import Settings
from lungwise.store import Clock, Database, FilmStore

T = TypeVar("T")
Outcomes = dict[Claim, Reading | Refusal]
_log = logging.getLogger("lungwise.reading_room")
_GLANCE = 1.0
"""Seconds between two looks at the queue when nobody calls."""
_GLANCE_OF_WAITING = 0.2
"""Seconds between two looks at a study whose films another process may be reading."""
_TURN = 5.0
"""Seconds for which one call is answered: long enough that calls cost nothing, short enough to stop soon."""
_PAUSE = 2.0
"""Seconds until a film may be tried again that the store did not give."""
_HAND = 0.25
"""Seconds of reading that one transaction keeps: many films where they are quick, and one where each takes long."""
_MOST = 8
"""Films in a hand, at most."""


class FilmReader(Protocol):
    """What reads films: the shipped model's reader, in production."""

    @property
    def model(self) -> str:
        """Name of its model."""
        ...

    @property
    def version(self) -> str:
        """Version of its model."""
        ...

    def read(self, film: Film) -> Reading:
        """Read one film, or raise Refusal."""
        ...


def open_worker(
    settings: Settings,
    database: Database,
    store: FilmStore,
    clock: Clock,
    make_reader: Callable[[], FilmReader],
    readers: int = 0,
) -> ReadingWorker:
    """Make a room that calls other processes through the broker, where the settings name one.

    From here on this process gives a film as much time as the settings do.
    """
    set_seconds(settings.film_seconds)
    return ReadingWorker(
        database,
        store,
        clock,
        make_reader,
        readers,
        lease=settings.lease_seconds,
        ring=_bell(settings),
        send_to=settings.send_to_list,
        waiters=settings.threads // 2,
    )


def _bell(settings: Settings) -> Callable[[], None]:
    if not settings.broker:
        return lambda: None
    from lungwise.jobs.wake_ups import WakeUps  # Celery is an extra

    return WakeUps(settings.broker).ring


class ReadingWorker:
    """Reads queued films, in `readers` threads in the background of this process or where it is called.

    The reader is made when the first film comes: never before a fork, and once. `ring` calls the
    readers of other processes, where there is something to call them with. Results are
    queued for the archives of `send_to`. Of those who ask for a study's readings, `waiters` may wait at once:
    fewer than the threads that answer requests, so that there are always some for everybody else.
    """

    def __init__(
        self,
        database: Database,
        store: FilmStore,
        clock: Clock,
        make_reader: Callable[[], FilmReader],
        readers: int = 0,
        *,
        lease: float = 30,
        ring: Callable[[], None] = lambda: None,
        send_to: Sequence[str] = (),
        waiters: int = 4,
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._make_reader = make_reader
        self._lease = lease
        self._heart = LeaseRenewer(self._renew, lease)
        self._ring = ring
        self._send_to = send_to
        self._making = threading.Lock()
        self._change = threading.Condition()
        self._most_waiting = waiters
        self.waiting = 0
        self._stopping = False
        self._idle = True
        self._most = 1
        self._spent = 0.0
        self._threads = [threading.Thread(target=self._work, name=f"reader-{n}", daemon=True) for n in range(readers)]

    def start(self) -> None:
        """Let the readers begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the films in hand and stop; the rest stays queued."""
        self._stopping = True
        self._notify()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def wake(self) -> None:
        """Say that films were queued."""
        self._notify()
        self._ring()

    def wait(self, study_id: int, seconds: float) -> bool:
        """Wait until a study is read, by whomever, and say whether it is; at once where too many wait already."""
        with self._change:
            seconds = seconds if self.waiting < self._most_waiting else 0
            self.waiting += seconds > 0
        try:
            return self._wait(study_id, seconds)
        finally:
            with self._change:
                self.waiting -= seconds > 0

    def _wait(self, study_id: int, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self._unfinished(study_id):
            left = end - time.monotonic()
            if left <= 0 or self._stopping:
                return False
            self._pause(min(left, _GLANCE_OF_WAITING))
        return True

    @property
    def model(self) -> Model:
        """The model that reads here."""
        reader = self._reader()
        return Model(reader.model, reader.version)

    def read_all(self) -> Iterator[None]:
        """Read what is queued in the calling thread, film by film."""
        while self.read_next():
            yield

    def take_turn(self) -> None:
        """Read queued films in the calling thread for a few seconds; where there are many, call another room, too."""
        end = time.monotonic() + _TURN
        self._idle = False  # the call says that a film waits
        hand = self._claim(self._most)
        if len(hand) == self._most:  # else hardly any other film waits
            self._ring()
        self._serve_on(hand, lambda: time.monotonic() < end)

    def read_next(self) -> bool:
        """Read the next film in the calling thread, and say whether there was one.

        Raises
        ------
        SQLAlchemyError
            If the database cannot be reached.
        OSError
            If the store cannot be reached. The film stays queued.
        """
        return self._serve_on(self._claim(1), lambda: False)

    def _serve_on(self, hand: list[Claim], go_on: Callable[[], bool]) -> bool:
        """Read some films and those after them until none waits or `go_on` says no, and say whether there was one."""
        found = bool(hand)
        while hand:
            hand = self._serve(hand, go_on)
        return found

    def _serve(self, hand: list[Claim], go_on: Callable[[], bool]) -> list[Claim]:
        """Read what is in hand, keep it, and take what follows in one transaction: more of them cost too much."""
        outcomes = Outcomes()
        with self._heart.hold(hand):
            try:
                rest = self._read(hand, outcomes)
            except OSError:
                self._keep(outcomes, [claim for claim in hand if claim not in outcomes], lambda: False)
                raise
            return self._keep(outcomes, rest, go_on)

    def _keep(self, outcomes: Outcomes, rest: list[Claim], go_on: Callable[[], bool]) -> list[Claim]:
        with STAGE_SECONDS.labels("database").time():
            following = self._tell(lambda jobs: self._finish(jobs, outcomes, rest, go_on))
        for claim, outcome in outcomes.items():
            _count(claim, outcome)
        self._count_time()
        self._notify()
        return following

    def _claim(self, most: int) -> list[Claim]:
        """Take the next jobs. After an idle claim the queue is only read: no reader is made, and no lock is taken."""
        if self._idle and not self._any_due():
            return []
        self._reader()
        with STAGE_SECONDS.labels("database").time():
            return self._database.transact(lambda session: self._next(self._jobs(session), most))

    def _next(self, jobs: Jobs, most: int) -> list[Claim]:
        hand = jobs.claim(self.model, most)
        self._idle = not hand
        return hand

    def _any_due(self) -> bool:
        with self._database.reading() as session:
            return self._jobs(session).any_due()

    def _jobs(self, session: Session) -> Jobs:
        return Jobs(session, self._clock, self._lease, self._send_to)

    def _unfinished(self, study_id: int) -> int:
        with self._database.reading() as session:
            return self._jobs(session).unfinished(study_id)

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

    def _notify(self) -> None:
        with self._change:
            self._change.notify_all()

    def _pause(self, seconds: float) -> None:
        with self._change:
            if not self._stopping:
                self._change.wait(seconds)

    def _work(self) -> None:
        while not self._stopping:
            try:
                self._serve_on(self._claim(self._most), lambda: not self._stopping)
            except Exception:  # whatever is away comes back, and the reader must still be there
                _log.exception("Nothing can be read just now; films stay queued until it can.")
            self._pause(_GLANCE)

    def _read(self, hand: list[Claim], outcomes: Outcomes) -> list[Claim]:
        """Read films one after the other for as long as a hand may take, and give those that are left.

        Raises
        ------
        OSError
            If the store cannot be reached. The film is queued again, for later.
        """
        began, took, rest = time.perf_counter(), 0.0, deque(hand)
        while rest and took < _HAND:
            with _in_service_of(rest[0]):
                self._read_one(rest.popleft(), outcomes)
            took = time.perf_counter() - began
        self._most = max(1, min(int(_HAND * (len(hand) - len(rest)) / took), _MOST))
        return list(rest)

    def _read_one(self, claim: Claim, outcomes: Outcomes) -> None:
        try:
            outcomes[claim] = self._outcome(claim)
        except Exception as fault:  # whatever a strange film does to a reader, the queue goes on
            if isinstance(fault, OSError) and not self._store.writable():
                self._tell(lambda jobs: jobs.give_back(claim, _PAUSE))
                raise
            self._fail(claim, fault)

    def _finish(self, jobs: Jobs, outcomes: Outcomes, rest: list[Claim], go_on: Callable[[], bool]) -> list[Claim]:
        jobs.finish(outcomes)
        if go_on():
            return rest or self._next(jobs, self._most)
        for claim in rest:
            jobs.give_back(claim)
        return []

    def _fail(self, claim: Claim, fault: Exception) -> None:
        FAILURES.inc()
        _log.error("Job %d failed.", claim.job, exc_info=fault, extra={"job": claim.job})
        self._tell(lambda jobs: jobs.give_up(claim, type(fault).__name__))

    def _outcome(self, claim: Claim) -> Reading | Refusal:
        with STAGE_SECONDS.labels("store").time():
            data = self._store.get(claim.study, claim.sha256)
        return outcome_of(lambda: self._reading(data, claim.photographed))

    def _reading(self, data: bytes, photographed: Photographed | None) -> Reading:
        with STAGE_SECONDS.labels("decode").time():
            film = open_film(data, photographed)
        with STAGE_SECONDS.labels("network").time():
            reading = self._reader().read(film)
        if not np.isfinite([reading.probability, *reading.appearance.values(), *reading.findings.values()]).all():
            raise ArithmeticError("The reading is no number.")  # here, where it harms no other film
        return reading

    def _tell(self, what: Callable[[Jobs], T]) -> T:
        """Write what came of a job; while the database is away, wait for it rather than read again."""
        while True:
            try:
                return self._database.transact(lambda session: what(self._jobs(session)))
            except (OperationalError, InterfaceError):
                if self._stopping:
                    raise
                _log.warning("The database did not take a reading, which waits for it.", exc_info=True)
                self._pause(_GLANCE)

    def _renew(self, claim: Claim) -> None:
        self._database.transact(lambda session: self._jobs(session).renew(claim))


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
        said = f"refused: {outcome.code}"
    else:
        READINGS.labels(outcome.verdict.value, *model).inc()
        said = outcome.verdict.value
    with _in_service_of(claim):
        _log.info("Job %d is done: %s.", claim.job, said, extra={"job": claim.job, "verdict": said})
