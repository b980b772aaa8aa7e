"""Workers, a machine, the broker and the database are killed while 360 films wait: each film is read once."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from lungwise.access import Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.audit.service import AuditTrail
from lungwise.patients.identity import PatientFacts
from lungwise.patients.service import Patients
from lungwise.store import Database, FilmStore
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord
from one_session import StudiesInOneSession
from processes import PASSWORD, SYNTHETIC, environment, until
from servers import MariaDb, Redis

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock
    from lungwise.settings import Settings

STUDIES, FILMS = 36, 10
WORKER = [*SYNTHETIC, "worker", "--readers", "1"]


@pytest.fixture
def mariadb_of_its_own() -> Iterator[MariaDb]:
    """Start a MariaDB server that may be killed."""
    server = MariaDb()
    yield server
    server.remove()


@contextmanager
def machine(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker in a process group of its own, which is killed at the end."""
    silent = subprocess.DEVNULL
    worker = subprocess.Popen(WORKER, env=environment(settings), stdout=silent, stderr=silent, start_new_session=True)
    try:
        yield worker
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def kill(server: MariaDb | Redis) -> None:
    """End a server as a power cut does, and start it again."""
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    server.start()


def queue_films(settings: Settings, clock: Clock, film: bytes) -> None:
    database = Database(settings)
    with database.writing() as session:
        audit = AuditTrail(session, clock)
        studies = StudiesInOneSession(session, clock, FilmStore(settings), Patients(session, clock, audit), audit)
        applicant = Applicant("Ada", "ada@example.org", PASSWORD)
        ada = Accounts(session, clock, settings, audit).add(applicant, "Hill", Role.DOCTOR).person
        for study in range(STUDIES):
            studies.open(ada, PatientFacts(), [(f"{n}", film + b"%d" % (study * FILMS + n)) for n in range(FILMS)])
    database.close()


def test_every_film_is_read_once_whatever_is_killed(
    mariadb_of_its_own: MariaDb,
    redis: Redis,
    settings: Settings,
    migrate: Callable[[Settings], None],
    film: Callable[..., bytes],
    clock: Clock,
) -> None:
    servers = {"database_url": mariadb_of_its_own.new_database(), "broker_url": SecretStr(redis.url)}
    settings = settings.model_copy(update={**servers, "lease_seconds": 3})
    migrate(settings)
    queue_films(settings, clock, film())
    database = Database(settings)

    def readings() -> int:
        try:
            with database.reading() as session:
                return session.scalar(select(func.count()).select_from(ReadingRecord)) or 0
        except OperationalError:
            return 0

    with machine(settings) as survivor:
        with machine(settings):
            until(lambda: readings() >= 30, 240)
            for process in psutil.Process(survivor.pid).children():
                process.kill()
            until(lambda: readings() >= 90, 240)
        with machine(settings):
            until(lambda: readings() >= 150, 240)
            kill(redis)
            until(lambda: readings() >= 210, 240)
            kill(mariadb_of_its_own)
            until(lambda: readings() >= STUDIES * FILMS, 240)
    with database.reading() as session:
        twice = select(ReadingRecord.film_id).group_by(ReadingRecord.film_id).having(func.count() > 1)
        assert session.scalars(twice).all() == []
        assert session.scalar(select(func.count()).select_from(FilmRecord)) == STUDIES * FILMS
        assert session.scalar(select(func.count()).select_from(Job).where(Job.state != JobState.DONE)) == 0
    assert readings() == STUDIES * FILMS
    database.close()
