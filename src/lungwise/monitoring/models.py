"""The tables of the watch: the weeks in which each clinic's charts were looked at, and the alarms that were raised."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

import lungwise.clinics.service  # noqa: F401 - both tables refer to its table
from lungwise.store import Base, Moment
from lungwise.store.database import TABLE
from lungwise.store.lease_queue import Leased

DONE = "done"


class WatchRun(Leased, Base):
    """The work of looking at one clinic's charts in one week, which begins on a Monday where the clinic stands."""

    __tablename__ = "watch_runs"
    __table_args__ = (UniqueConstraint("clinic_id", "week"), Index(None, "state", "due_at"), TABLE)

    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    week: Mapped[date] = mapped_column()


class Alarm(Leased, Base):
    """That the share of one sort of wrong verdicts has risen; and the work of calling the webhook about it.

    `result` is the id of the reference result with which the sum passed its limit: with it the alarm is raised once,
    and the chart begins anew after it. Of the last `films` verified ones, `wrong` were wrong, where `expected` of them
    were to be expected. Who acknowledged it is kept by name.
    """

    __tablename__ = "alarms"
    __table_args__ = (
        UniqueConstraint("clinic_id", "model", "version", "finding", "sort", "result"),
        Index(None, "state", "due_at"),
        TABLE,
    )
    running = "calling"

    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    model: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(40))
    finding: Mapped[str] = mapped_column(String(40))
    sort: Mapped[str] = mapped_column(String(20))
    result: Mapped[int] = mapped_column()
    films: Mapped[int] = mapped_column()
    wrong: Mapped[int] = mapped_column()
    expected: Mapped[float] = mapped_column()
    acknowledged_at: Mapped[datetime | None] = mapped_column(Moment)
    acknowledged_by: Mapped[str | None] = mapped_column(String(120))
