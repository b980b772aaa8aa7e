"""A queue in a table of the database: each row is a job, on which one worker at a time has a lease."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar, cast

from sqlalchemy import ColumnElement, ColumnExpressionArgument, CursorResult, String, bindparam, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from lungwise.store.database import Base, Clock, Moment, database_time, new_key

Expression = ColumnExpressionArgument[Any]
QUEUED, FAILED = "queued", "failed"
AHEAD = timedelta(seconds=1)
"""How much earlier a job is due that goes before others."""


class Leased:
    """The columns of a table of jobs.

    `due_at` is when a queued job may be claimed, and when the lease on a running one ends. `claim` names who has it.
    """

    __tablename__: str
    running: ClassVar[str] = "running"
    """The state of a job that somebody works on."""

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(10), default=QUEUED)
    claim: Mapped[str] = mapped_column(String(20), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime] = mapped_column(Moment)
    error: Mapped[str] = mapped_column(String(200), default="")


J = TypeVar("J", bound=Leased)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One worker's claim on one job."""

    job: int
    token: str


class LeaseStatements(Generic[J]):
    """What a queue asks of the database, built once: building a statement takes longer than its answer.

    Parameters
    ----------
    job
        The table.
    columns, where, order_by
        What is fetched of the jobs that may be claimed, beside their number and attempts; which of them, with bound
        parameters; and in which order, by default the longest due first.
    always
        What holds also where it is only asked whether any can be claimed, with the parameters of `LeaseQueue.bound`.
    """

    def __init__(
        self,
        job: type[J],
        *columns: Expression,
        where: Sequence[Expression] = (),
        order_by: Sequence[Expression] = (),
        always: Sequence[Expression] = (),
    ) -> None:
        self.job = job
        due = or_(job.due_at <= bindparam("now"), job.due_at > bindparam("latest"))
        is_due = (job.state == bindparam("state")) & due
        self.any_due = select(job.id).where(is_due, *always).limit(1)
        chosen = select(job.id, job.attempts, *columns).where(is_due, *always, *where)
        ordered = chosen.order_by(*(order_by or (job.due_at, job.id)))
        self.due = ordered.limit(bindparam("limit")).with_for_update(skip_locked=True)
        table = Base.metadata.tables[job.__tablename__]
        self.take = (
            update(table)
            .where(table.c.id.in_(bindparam("jobs", expanding=True)))
            .values(
                state=job.running, claim=bindparam("token"), due_at=bindparam("until"), attempts=table.c.attempts + 1
            )
        )


class LeaseQueue(Generic[J]):
    """The jobs of one table.

    A claim is a lease: once it has ended, anybody may claim the job again. That keeps two workers from doing the same
    work in vain; it does not guarantee that a job is done once, for a worker may outlive its lease.

    Parameters
    ----------
    clock
        Tells the time by which jobs are due and leases end where the database does not: see `database_time`.
    lease
        How long a claim holds unless it is renewed.
    """

    statements: LeaseStatements[J]
    max_attempts = 100
    first_pause, longest_pause, factor = timedelta(minutes=1), timedelta(hours=1), 2
    """Between two attempts."""
    longest_wait = timedelta(0)
    """How far ahead a job is queued at most, where that is longer than any pause."""
    longest_delay = timedelta(minutes=5)
    """How long jobs wait at most because another one has failed."""

    def __init__(self, session: Session, clock: Clock, lease: timedelta) -> None:
        self._session = session
        self._now = partial(database_time, session, clock)
        self._lease = lease

    def bound(self, now: datetime) -> dict[str, object]:
        """Return the parameters of what always holds."""
        return {}

    def any_due(self) -> bool:
        """Return whether any job can be claimed."""
        now = self._now()
        states = [state | self.bound(now) for state in self._states(now)]
        return any(self._session.scalar(self.statements.any_due, state) is not None for state in states)

    def renew(self, lease: Lease) -> bool:
        """Show that a claimed job is still worked on; return whether it is still held."""
        job, due = self.statements.job, self._now() + self._lease
        held = (job.id == lease.job, job.claim == lease.token, job.state == job.running)
        renewed = cast(CursorResult[Any], self._session.execute(update(job).where(*held).values(due_at=due)))
        return renewed.rowcount == 1

    def fail(self, lease: Lease, error: str) -> J | None:
        """Queue a job again for later, or mark it as failed after its last attempt; return it if it is still held."""
        job = self._held(lease)
        if job is not None:
            job.error = error[:200]
            if job.attempts < self.max_attempts:
                self._requeue(job, self._pause(job))
            else:
                job.state = FAILED
        return job

    def release(self, lease: Lease, pause: float = 0) -> None:
        """Queue a job again that was not begun, for `pause` seconds later; this does not count as an attempt."""
        job = self._held(lease)
        if job is not None:
            job.attempts -= 1
            self._requeue(job, timedelta(seconds=pause))

    def _claim_next(self) -> J | None:
        """Claim the job that has been due for longest."""
        now = self._now()
        for row in self._due(now, limit=1):
            self._take([row.id], now)
            return self._session.get_one(self.statements.job, row.id, populate_existing=True)
        return None

    def _due(self, now: datetime, **values: object) -> Sequence[Any]:
        """Lock the next jobs of a state. The statement stops at the last one; what others have locked is skipped."""
        values = self.bound(now) | values
        found = (self._session.execute(self.statements.due, state | values).all() for state in self._states(now))
        return next(filter(None, found), [])

    def _states(self, now: datetime) -> list[dict[str, object]]:
        """List what may be claimed: what a dead worker had, before what is queued.

        A time further ahead than any that is ever set was written before a clock was set back: it counts as past.
        """
        longest = {self.statements.job.running: 2 * self._lease, QUEUED: max(2 * self.longest_pause, self.longest_wait)}
        return [{"state": state, "now": now, "latest": now + bound} for state, bound in longest.items()]

    def _take(self, jobs: Collection[int], now: datetime) -> str:
        """Lease jobs that are locked, and return the token of the claim."""
        token = new_key()
        self._session.execute(self.statements.take, {"jobs": jobs, "token": token, "until": now + self._lease})
        return token

    def _held(self, lease: Lease) -> J | None:
        """Lock a claimed job, unless its lease has ended and another worker has claimed it."""
        job = self._session.get(self.statements.job, lease.job, with_for_update=True, populate_existing=True)
        return job if job is not None and (job.state, job.claim) == (job.running, lease.token) else None

    def _pause(self, job: J) -> timedelta:
        """Return how long a job waits after the attempts that it has had."""
        doubled: int = self.factor ** min(max(job.attempts - 1, 0), 10)
        return min(self.first_pause * doubled, self.longest_pause)

    def _delay_others(self, failed: J, *alike: ColumnElement[bool]) -> None:
        """Let other jobs wait too that would fail as one has just done, and try those first that were tried less often.

        So a job that fails by a fault of its own delays the others by one attempt, and not for long; what waits for
        that attempt already is not delayed again.
        """
        job, now = self.statements.job, self._now()
        until = min(failed.due_at, now + self.longest_delay)
        is_fresher = job.attempts < failed.attempts
        delays = ((is_fresher & (job.due_at <= now), until - AHEAD), (~is_fresher & (job.due_at < until), until))
        for concerned, due in delays:
            delayed = update(job).where(job.state == QUEUED, concerned, *alike)
            self._session.execute(delayed.values(due_at=due))

    def _requeue(self, job: J, pause: timedelta) -> None:
        job.state, job.claim, job.due_at = QUEUED, "", self._now() + pause
