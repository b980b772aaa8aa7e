"""The tables of monitoring: the weeks in which charts were looked at, alarms, and what a second model reads."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

import lungwise.clinics.service
import lungwise.studies.models  # noqa: F401 - tables here refer to those of both
from lungwise.store import Base, Moment
from lungwise.store.database import TABLE
from lungwise.store.lease_queue import Leased

DONE = "done"
ANSWERS = "answers"
"""The sort of an alarm about answers that are far from those of the weeks before."""


class WatchRun(Leased, Base):
    """The work of looking at one clinic's charts in one week, which begins on a Monday where the clinic stands."""

    __tablename__ = "watch_runs"
    __table_args__ = (UniqueConstraint("clinic_id", "week"), Index(None, "state", "due_at"), TABLE)

    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    week: Mapped[date] = mapped_column()


class Alarm(Leased, Base):
    """That the share of one sort of wrong verdicts has risen, or the answers jumped; and the work of calling about it.

    `result` is the id of the reference result with which the sum passed its limit: with it the alarm is raised once,
    and the chart begins anew after it. Of the last `films` verified ones, `wrong` were wrong, where `expected` of them
    were to be expected. Of answers that jumped, `result` is the ordinal of the Monday on which they did, and `films`
    how many there are; `distance` is from the weeks before, `expected` how far chance may take it, and `cause` what it
    comes from. Who acknowledged it is kept by name.
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
    distance: Mapped[float | None] = mapped_column()
    cause: Mapped[str | None] = mapped_column(String(20))
    acknowledged_at: Mapped[datetime | None] = mapped_column(Moment)
    acknowledged_by: Mapped[str | None] = mapped_column(String(120))

    @property
    def since(self) -> date | None:
        """The Monday since which the answers are others; None of another alarm."""
        return date.fromordinal(self.result) if self.sort == ANSWERS else None

    @property
    def figures(self) -> dict[str, int | float | str | None]:
        """What it rests on, for programs."""
        if self.distance is None:
            return {"films": self.films, "wrong": self.wrong, "expected": round(self.expected, 1)}
        jump = {"distance": round(self.distance, 2), "limit": round(self.expected, 2), "cause": self.cause}
        return {"films": self.films, "since": str(self.since), **jump}


class ShadowModel(Base):
    """A second model that reads beside the one in use. `thresholds` are its lower and upper ones by finding."""

    __tablename__ = "shadow_models"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(40))
    thresholds: Mapped[dict[str, list[float]]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Moment)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class ShadowReading(Base):
    """What a second model says of a film, or why it refuses it. No doctor sees it."""

    __tablename__ = "shadow_readings"
    __table_args__ = (UniqueConstraint("film_id", "shadow_id"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    film_id: Mapped[int] = mapped_column(ForeignKey("films.id", ondelete="CASCADE"))
    shadow_id: Mapped[int] = mapped_column(ForeignKey("shadow_models.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    findings: Mapped[dict[str, Any]] = mapped_column(JSON)
    refusal_code: Mapped[str | None] = mapped_column(String(40))


class ModelInUse(Base):
    """That a model reads here from a moment on, until the next one does."""

    __tablename__ = "models_in_use"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(40))
    sha256: Mapped[str] = mapped_column(String(64))
    since: Mapped[datetime] = mapped_column(Moment)
