"""A thousand films through the API, with MariaDB, Redis and two workers of which one is killed again and again.

What is read is nothing to the queue: by the synthetic films' reader, the workers are the more often killed while they
claim and write.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pydantic import SecretStr
from sqlalchemy import func, select

from lungwise.access import Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.client import Client
from lungwise.store import Database, utc_now
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study
from processes import PASSWORD, SYNTHETIC, answers, environment, running, until
from servers import Redis, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from lungwise.settings import Settings

FILMS = 1000
BETWEEN_KILLS = 140
"""Films that are read from one kill to the next: counted, so that a slow machine comes to an end, too."""


class Workers:
    """Two Celery workers, of which now this one is killed and now that one, and started again."""

    def __init__(self, settings: Settings, count_read: Callable[[], int]) -> None:
        self.kills = 0
        self._count_read = count_read
        self._settings = settings
        self._workers = [self._start() for _worker in range(2)]
        self._over = threading.Event()
        self._killer = threading.Thread(target=self._kill_again_and_again)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*SYNTHETIC, "worker"],
            env=environment(self._settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def begin_killing(self) -> None:
        self._killer.start()

    def _kill_again_and_again(self) -> None:
        last = 0
        while not self._over.wait(0.1):
            if self._count_read() < last + BETWEEN_KILLS:
                continue
            last, this = self._count_read(), self.kills % 2
            self._workers[this].send_signal(signal.SIGKILL)
            self._workers[this].wait()
            self.kills += 1
            self._workers[this] = self._start()

    def stop(self) -> None:
        self._over.set()
        if self._killer.is_alive():
            self._killer.join()
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


@contextmanager
def worked_on(settings: Settings, count_read: Callable[[], int]) -> Iterator[Workers]:
    workers = Workers(settings, count_read)
    try:
        yield workers
    finally:
        workers.stop()


def test_every_film_has_exactly_one_reading(
    redis: Redis,
    mariadb_url: str,
    settings: Settings,
    migrate: Callable[[Settings], None],
    film: Callable[..., bytes],
) -> None:
    changes = {"database_url": mariadb_url, "broker_url": SecretStr(redis.url), "port": free_port()}
    settings = settings.model_copy(update={**changes, "lease_seconds": 5, "api_rate": 100 * FILMS})
    migrate(settings)
    database = Database(settings)
    with database.writing() as session:
        audit = AuditTrail(session, utc_now)
        accounts = Accounts(session, utc_now, settings, audit)
        ada = accounts.add(Applicant("Ada", "ada@example.org", PASSWORD), "Hill", Role.DOCTOR).person
        _, token = Tokens(session, utc_now, audit).add(ada, "thousand", list(Scope), 1)

    def count(what: type[Job | ReadingRecord | FilmRecord]) -> int:
        with database.reading() as session:
            return session.scalar(select(func.count()).select_from(what)) or 0

    films = [film(seed, seed) for seed in range(8)]
    with (
        running([*SYNTHETIC, "serve"], settings, ready="Sign in"),
        worked_on(settings, lambda: count(ReadingRecord)) as workers,
    ):
        until(lambda: answers(settings.port))
        client = Client(f"http://127.0.0.1:{settings.port}", token)
        with ThreadPoolExecutor(4) as pool:
            uploads = pool.map(
                lambda number: client.upload([films[number % len(films)] + b"%d" % number]), range(FILMS)
            )
            workers.begin_killing()
            assert len({study.key for study in uploads}) == FILMS
        until(lambda: count(ReadingRecord) >= FILMS, seconds=600)
        assert workers.kills > 0

    with database.reading() as session:
        per_film = select(func.count(ReadingRecord.id)).select_from(FilmRecord).outerjoin(ReadingRecord)
        assert list(session.scalars(per_film.group_by(FilmRecord.id))) == [1] * FILMS
        assert list(session.scalars(select(Job.state).distinct())) == [JobState.DONE]
        assert "waiting" not in set(session.scalars(select(Study.status)))
        assert session.scalar(select(func.max(Job.attempts))) in (1, 2, 3)
    database.close()
