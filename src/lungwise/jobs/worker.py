"""Workers: threads that do what is queued, and then wait until they are woken or it is time to look again."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from sqlalchemy.orm import Session

from lungwise.store import Database
from lungwise.store.lease_queue import Lease, LeaseQueue

Q = TypeVar("Q", bound=LeaseQueue[Any])
C = TypeVar("C", bound=Lease)
R = TypeVar("R")
T = TypeVar("T")
_log = logging.getLogger("lungwise.worker")
_LOCKED_SECONDS = 0.1
"""Seconds until the next look where other workers have locked all that is due."""


class Worker(ABC, Generic[Q]):
    """Does the jobs of a queue, in `threads` threads in the background of this process, or where it is called.

    Any number of workers, in any number of processes, may share a queue.
    """

    poll_seconds = 2.0
    """Seconds between two looks at the queue while nobody wakes the worker."""
    stop_seconds: float | None = None
    """Seconds that `stop` waits for the current job; by default, until it is done."""

    def __init__(self, database: Database, name: str, threads: int = 1) -> None:
        self.name = name
        self._database = database
        self._change = threading.Condition()
        self._stopping = False
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{n}", daemon=True) for n in range(threads)]

    @abstractmethod
    def queue(self, session: Session) -> Q:
        """Open the queue over a session."""

    @abstractmethod
    def work(self) -> None:
        """Do what is due."""

    def start(self) -> None:
        """Begin in the background."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the current jobs and stop; the rest stays queued."""
        self._stopping = True
        self._notify()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(self.stop_seconds)

    @property
    def is_alive(self) -> bool:
        """Whether each of its threads works."""
        return all(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while not self._stopping:
            try:
                self.work()
            except Exception:  # whatever is away comes back, and the worker must still be there
                _log.exception("What is queued cannot be done just now; it stays queued until it can.")
            self._pause(self.poll_seconds)

    def _notify(self) -> None:
        with self._change:
            self._change.notify_all()

    def _pause(self, seconds: float) -> None:
        with self._change:
            if not self._stopping:
                self._change.wait(seconds)

    def _ask(self, question: Callable[[Q], T]) -> T:
        with self._database.reading() as session:
            return question(self.queue(session))

    def _write(self, action: Callable[[Q], T]) -> T:
        return self._database.transact(lambda session: action(self.queue(session)))


class SingleJobWorker(Worker[Q], Generic[Q, C, R]):
    """Claims one job after the other, and does each outside of any transaction."""

    @abstractmethod
    def claim(self, queue: Q) -> C | None:
        """Claim the next job."""

    @abstractmethod
    def do(self, job: C) -> R | None:
        """Do a job, keep what came of it, and return that; nothing where there was nothing to do."""

    def holds(self, job: C) -> bool:
        """Renew the lease on a job; return whether it is still held.

        This machine may have slept since it claimed the job, and another one may have done it meanwhile.
        """
        return self._write(lambda queue: queue.renew(job))

    def work(self) -> None:
        """Do what is due."""
        for _result in self.work_all():
            pass

    def work_all(self) -> Iterator[R]:
        """Do what is due in the calling thread, and yield what comes of each job."""
        while not self._stopping and self._ask(lambda queue: queue.any_due()):
            job = self._write(self.claim)
            if job is None:
                self._pause(_LOCKED_SECONDS)
            elif (result := self.do(job)) is not None:
                yield result
