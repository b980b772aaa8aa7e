"""The reading room: a few threads that read what is queued, and resume after a restart."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from lungwise.films import Film, Refusal, open_film
from lungwise.reading.reading import Reading
from lungwise.store import Clock, Database, FilmStore
from lungwise.studies.jobs import Claim, Jobs

_log = logging.getLogger("lungwise.reading_room")
_GLANCE = 5.0
"""Seconds between two looks at the queue when nobody calls."""


class FilmReader(Protocol):
    """What reads films: the shipped model's reader, in production."""

    def read(self, film: Film) -> Reading:
        """Read one film, or raise Refusal."""
        ...


class ReadingRoom:
    """Reads queued films in the background of this process.

    The reader is made by the first thread that needs it: never before a fork, and once. Results are
    queued for the archives of `send_to`.
    """

    def __init__(
        self,
        database: Database,
        store: FilmStore,
        clock: Clock,
        make_reader: Callable[[], FilmReader],
        readers: int,
        send_to: Sequence[str] = (),
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._make_reader = make_reader
        self._send_to = send_to
        self._making = threading.Lock()
        self._change = threading.Condition()
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, name=f"reader-{n}", daemon=True) for n in range(readers)]

    def start(self) -> None:
        """Take up what an earlier process left, and go on reading."""
        with self._database.writing() as session:
            waiting = Jobs(session, self._clock).resume()
        if waiting:
            _log.info("%d films wait to be read.", waiting)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the films in hand and stop; the rest stays queued."""
        self._stopping = True
        self.wake()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def read_all(self) -> Iterator[None]:
        """Read what is queued in the calling thread, film by film."""
        while self._read_next():
            yield

    def wake(self) -> None:
        """Say that films were queued."""
        with self._change:
            self._change.notify_all()

    def wait(self, study_id: int, seconds: float) -> bool:
        """Wait until a study is read, and say whether it is."""
        end = time.monotonic() + seconds
        with self._change:
            while self._unfinished(study_id):
                left = end - time.monotonic()
                if left <= 0 or self._stopping:
                    return False
                self._change.wait(left)
        return True

    def _unfinished(self, study_id: int) -> int:
        with self._database.reading() as session:
            return Jobs(session, self._clock).unfinished(study_id)

    @cached_property
    def _reader(self) -> FilmReader:
        return self._make_reader()

    def _work(self) -> None:
        while not self._stopping:
            try:
                if not self._read_next():
                    with self._change:
                        self._change.wait(_GLANCE)
            except SQLAlchemyError:
                _log.exception("The database cannot be reached; films stay queued until it can.")
                with self._change:
                    self._change.wait(_GLANCE)

    def _read_next(self) -> bool:
        with self._database.writing() as session:
            claim = Jobs(session, self._clock).claim()
        if claim is None:
            return False
        self._read(claim)
        self.wake()
        return True

    def _read(self, claim: Claim) -> None:
        try:
            outcome = self._outcome(claim)
        except Exception as error:  # whatever a strange film does to a reader, the queue goes on
            _log.exception("Job %d failed.", claim.job)
            with self._database.writing() as session:
                Jobs(session, self._clock).give_up(claim, type(error).__name__)
            return
        with self._database.writing() as session:
            Jobs(session, self._clock, self._send_to).finish(claim, outcome)

    def _outcome(self, claim: Claim) -> Reading | Refusal:
        with self._making:
            reader = self._reader
        try:
            return reader.read(open_film(self._store.get(claim.study, claim.sha256)))
        except Refusal as refusal:
            return refusal
