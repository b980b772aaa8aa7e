from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from lungwise.accounts.outbox import ClaimedMail, Letter, MailKind, Outbox
from lungwise.jobs.worker import SingleJobWorker
from lungwise.store import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from conftest import Services


class Postman(SingleJobWorker[Outbox, ClaimedMail, str]):
    """Delivers mails into a list, but those for nobody; the first of the evil ones ends in a fault."""

    poll_seconds = 0.01

    def __init__(self, services: Services, database: Database, threads: int = 1) -> None:
        super().__init__(database, "postman", threads)
        self.services, self.delivered, self.faults = services, list[str](), 0
        self.came = threading.Condition()

    def queue(self, session: Session) -> Outbox:
        return Outbox(session, self.services.clock, enabled=True)

    def claim(self, queue: Outbox) -> ClaimedMail | None:
        return queue.claim()

    def do(self, job: ClaimedMail) -> str | None:
        if job.letter.to == "evil" and not self.faults:
            self.faults += 1
            raise RuntimeError("a fault")
        self._write(lambda outbox: outbox.finish(job))
        with self.came:
            self.delivered.append(job.letter.to)
            self.came.notify_all()
        return job.letter.to if job.letter.to != "nobody" else None


@pytest.fixture
def database(services: Services) -> Iterator[Database]:
    database = Database(services.settings)
    yield database
    database.close()


def add(services: Services, *addresses: str) -> None:
    for to in addresses:
        Outbox(services.session, services.clock, enabled=True).add(MailKind.NOTICE, Letter(to=to))
    services.session.commit()


def test_jobs_are_done_in_their_order_and_each_result_is_yielded(services: Services, database: Database) -> None:
    add(services, "ada", "nobody", "bob")
    postman = Postman(services, database)
    assert list(postman.work_all()) == ["ada", "bob"]
    assert postman.delivered == ["ada", "nobody", "bob"]
    assert list(postman.work_all()) == []


def test_a_fault_leaves_the_thread_alive_and_every_job_is_done_once(
    services: Services, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    postman = Postman(services, database, threads=2)
    postman.start()
    addresses = [f"ada{number}" for number in range(10)]
    add(services, "evil", *addresses)
    with postman.came:
        assert postman.came.wait_for(lambda: len(postman.delivered) == 10, 60)
    postman.stop()
    assert sorted(postman.delivered) == addresses
    assert "stays queued" in caplog.text


def test_a_worker_that_has_stopped_claims_nothing(services: Services, database: Database) -> None:
    postman = Postman(services, database)
    postman.start()
    postman.stop()
    add(services, "ada")
    assert list(postman.work_all()) == []
