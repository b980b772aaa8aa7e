"""The tables of storage commitment: what peers ask of this installation, and what it asks of archives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base, Moment
from lungwise.store.database import TABLE
from lungwise.store.lease_queue import Leased


class Reference(NamedTuple):
    """A DICOM object by its SOP Class UID and SOP Instance UID."""

    sop_class: str
    instance: str

    @classmethod
    def of(cls, pairs: Iterable[Iterable[str]]) -> list[Reference]:
        """Read references as a column keeps them."""
        return [cls(*map(str, pair)) for pair in pairs]


class CommitmentReport(Leased, Base):
    """The work of telling a peer which of the objects it asked about are safe here. It is deleted once that is done.

    Until the first attempt `claim` is the key of the process that was asked.
    """

    __tablename__ = "commitment_reports"
    __table_args__ = (UniqueConstraint("title", "transaction_uid"), Index(None, "state", "due_at"), TABLE)
    running = "sending"

    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    title: Mapped[str] = mapped_column(String(16))
    transaction_uid: Mapped[str] = mapped_column(String(64))
    asked: Mapped[list[list[str]]] = mapped_column(JSON)

    @property
    def references(self) -> list[Reference]:
        """The objects that the peer asked about."""
        return Reference.of(self.asked)


class CommitmentRequest(Base):
    """That an archive was asked whether it keeps a study's results for good, and has not answered yet."""

    __tablename__ = "commitment_requests"
    __table_args__ = (TABLE,)

    id: Mapped[int] = mapped_column(primary_key=True)
    dispatch_id: Mapped[int] = mapped_column(ForeignKey("study_dispatches.id", ondelete="CASCADE"), index=True)
    transaction_uid: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
