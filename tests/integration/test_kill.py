"""A process killed while films come in: what was acknowledged is there afterwards, and is read."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from lungwise.access import Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, utc_now
from lungwise.store.backup import check_films
from lungwise.studies.models import FilmRecord, Job, JobState, Study
from processes import PASSWORD, SYNTHETIC, Sender, running, until
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from forked import Process


@contextmanager
def served(settings: Settings, port: int) -> Iterator[Process]:
    changed = settings.model_copy(update={"port": port, "lease_seconds": 3})
    with running([*SYNTHETIC, "serve"], changed, ready="Lungwise listens") as process:
        yield process


def test_a_kill_during_an_upload_of_fifty_films_loses_nothing_acknowledged(
    either: Settings, migrate: Callable[[Settings], None], film: Callable[..., bytes]
) -> None:
    migrate(either)
    database = Database(either)
    with database.writing() as session:
        accounts = Accounts(session, utc_now, either, AuditTrail(session, utc_now))
        accounts.add(Applicant("Ada", "ada@example.org", PASSWORD), "Hill", Role.DOCTOR)
    port = free_port()
    films = [film(seed) for seed in range(50)]
    acknowledged = 0
    with served(either, port) as process:
        sender = Sender(port)
        sender.sign_in()
        token, path = sender.token("/studies/new"), "/studies/new"
        try:
            for number, data in enumerate(films):
                if number == 20:
                    threading.Timer(0.05, lambda: process.send_signal(signal.SIGKILL)).start()
                path = sender.send(path, token, data)
                acknowledged += 1
        except (HTTPException, OSError):
            pass
    assert 20 <= acknowledged < 50

    with served(either, port), database.reading() as session:

        def all_read() -> bool:
            session.rollback()
            left = select(func.count()).select_from(Job).where(Job.state != JobState.DONE)
            return session.scalar(left) == 0

        until(all_read)
        saved = session.scalar(select(func.count()).select_from(FilmRecord)) or 0
        assert saved >= acknowledged
        assert session.scalar(select(func.count()).select_from(Study)) == 1
        found = check_films(database, FilmStore(either))
        assert (found.missing, found.damaged, found.films) == ([], [], saved)
        study = session.scalars(select(Study)).one()
        assert all(record.reading for record in study.films)
        assert study.status != "waiting"
        assert AuditTrail(session, utc_now).verify() is None
    database.close()
