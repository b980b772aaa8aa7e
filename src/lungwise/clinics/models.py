"""The tables of clinics, and of the thresholds that they made their own."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.reading.local_thresholds import LocalThresholds
from lungwise.reading.own_thresholds import findings_from
from lungwise.store import Base, Moment
from lungwise.store.database import TABLE


class Clinic(Base):
    """A clinic: films, patients and users are seen only inside it.

    What its administrator has not set is null, and as the installation is set. `thresholds` is the key of the set of
    thresholds in force, null where the model's own are; of every `sampled` patients one is drawn for a check, nobody
    where it is null. After `retention_days` studies may be removed, as `retention` says; never where either is null.
    """

    __tablename__ = "clinics"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    letterhead: Mapped[str | None] = mapped_column(Text)
    time_zone: Mapped[str | None] = mapped_column(String(64))
    prevalence: Mapped[float | None] = mapped_column()
    language: Mapped[str | None] = mapped_column(String(5))
    registration: Mapped[str | None] = mapped_column(String(20))
    thresholds: Mapped[str | None] = mapped_column(String(20))
    sampled: Mapped[int | None] = mapped_column()
    result_days: Mapped[int | None] = mapped_column()
    retention: Mapped[str | None] = mapped_column(String(10))
    retention_days: Mapped[int | None] = mapped_column()


class SetState(StrEnum):
    """Where a set of thresholds stands. Whether one that was approved is in force, the clinic says."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


class ThresholdSet(Base):
    """Thresholds that somebody proposed for a clinic, and what became of them. Once decided, it never changes.

    `key` is the id that every output names. `findings` are all thresholds of the set, `finding` is the one that was
    proposed anew on top of the set `before`. `evidence` is what was known of it when it was proposed. People are kept
    by number and name, as in the audit trail: their accounts may go. `alone` says that there was no other
    administrator when it was proposed; null of sets of earlier releases.
    """

    __tablename__ = "threshold_sets"
    __table_args__ = TABLE

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), index=True)
    model: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(40))
    model_sha256: Mapped[str] = mapped_column(String(64))
    finding: Mapped[str] = mapped_column(String(40))
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    before: Mapped[str | None] = mapped_column("set_before", String(20))
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(10))
    proposer_id: Mapped[int] = mapped_column()
    proposer_name: Mapped[str] = mapped_column(String(120))
    proposed_at: Mapped[datetime] = mapped_column(Moment)
    alone: Mapped[bool | None] = mapped_column(Boolean(create_constraint=False))
    decider_id: Mapped[int | None] = mapped_column()
    decider_name: Mapped[str | None] = mapped_column(String(120))
    decided_at: Mapped[datetime | None] = mapped_column(Moment)

    @property
    def local(self) -> LocalThresholds:
        """The thresholds, as films are read by them; of a set that is not approved yet, from when it was proposed."""
        by = dict.fromkeys(filter(None, (self.proposer_name, self.decider_name)))
        return LocalThresholds(
            id=self.key,
            model_sha256=self.model_sha256,
            findings=findings_from(self.findings),
            approved_by=tuple(by) if self.state == SetState.APPROVED else (),
            approved_at=self.decided_at or self.proposed_at,
        )
