from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from lungwise.accounts.models import Mail
from lungwise.store.lease_queue import FAILED, QUEUED, Lease, LeaseQueue, LeaseStatements

if TYPE_CHECKING:
    from conftest import Services

LEASE = timedelta(minutes=3)


class Mails(LeaseQueue[Mail]):
    """A queue of its own over the smallest table that has one."""

    statements = LeaseStatements(Mail)
    max_attempts = 3
    first_pause, longest_pause, factor = timedelta(minutes=1), timedelta(minutes=5), 10

    def claim(self) -> Mail | None:
        return self._claim_next()


@pytest.fixture
def mails(either_services: Services) -> Mails:
    now = either_services.clock()
    for number in (2, 1):
        due = now - timedelta(minutes=number)
        mail = Mail(key=f"{number}", kind="notice", content="", created_at=now, due_at=due)
        either_services.session.add(mail)
        either_services.session.flush()
    return Mails(either_services.session, either_services.clock, LEASE)


def claimed(mails: Mails) -> tuple[Mail, Lease]:
    mail = mails.claim()
    assert mail is not None
    return mail, Lease(job=mail.id, token=mail.claim)


def test_jobs_are_claimed_once_the_longest_due_first(mails: Mails) -> None:
    assert mails.any_due()
    first, second = claimed(mails)[0], claimed(mails)[0]
    assert [first.key, second.key] == ["2", "1"]
    assert (first.state, first.attempts) == ("running", 1)
    assert first.claim != second.claim
    assert mails.claim() is None
    assert not mails.any_due()


def test_a_job_whose_lease_has_ended_goes_before_what_is_queued(either_services: Services, mails: Mails) -> None:
    mail, lease = claimed(mails)
    either_services.clock.forward(minutes=2)
    mails.renew(lease)
    either_services.clock.forward(minutes=2)
    assert claimed(mails)[0].key == "1"
    either_services.clock.forward(minutes=2)
    again, _lease = claimed(mails)
    assert (again.key, again.attempts) == (mail.key, 2)
    mails.renew(lease)
    assert mails.fail(lease, "too late") is None
    mails.release(lease)
    assert (again.state, again.error) == ("running", "")


def test_a_failing_job_waits_longer_each_time_and_fails_in_the_end(either_services: Services, mails: Mails) -> None:
    claimed(mails)
    pauses, states = [], []
    for _attempt in range(3):
        mail, lease = claimed(mails)
        assert mails.fail(lease, "e" * 300) is mail
        pauses.append(mail.due_at - either_services.clock())
        states.append(mail.state)
        either_services.clock.now = max(mail.due_at, either_services.clock())
        either_services.session.query(Mail).where(Mail.key == "2").update({"due_at": mail.due_at + LEASE})
    assert pauses[:2] == [timedelta(minutes=1), timedelta(minutes=5)]
    assert states == [QUEUED, QUEUED, FAILED]
    assert mail.error == "e" * 200
    assert mails.claim() is None


def test_a_job_that_was_not_begun_has_lost_no_attempt(either_services: Services, mails: Mails) -> None:
    mail, lease = claimed(mails)
    mails.release(lease, pause=30)
    assert (mail.attempts, mail.due_at - either_services.clock()) == (0, timedelta(seconds=30))
    assert claimed(mails)[0].key == "1"
    assert mails.claim() is None


def test_what_was_due_before_a_clock_was_set_back_is_due(either_services: Services, mails: Mails) -> None:
    claimed(mails)
    claimed(mails)
    either_services.clock.forward(days=-1)
    assert mails.claim() is not None
    states = either_services.session.scalars(select(Mail.attempts)).all()
    assert sorted(states) == [1, 2]


@pytest.mark.parametrize("either", ["mariadb"], indirect=True)  # SQLite's processes are on one machine
@pytest.mark.parametrize("skew", [timedelta(hours=3), -timedelta(hours=3)])
def test_only_the_databases_clock_counts(either_services: Services, mails: Mails, skew: timedelta) -> None:
    other = Mails(either_services.session, lambda: either_services.clock() + skew, LEASE)
    mail, lease = claimed(other)
    assert mail.due_at == either_services.clock() + LEASE
    assert claimed(mails)[0] is not mail
    assert not mails.any_due()
    other.release(lease)
    assert claimed(mails)[0] is mail
