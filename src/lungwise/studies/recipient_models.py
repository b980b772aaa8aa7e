"""The table of the systems that have reports."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base, Encrypted, EncryptedText, Value
from lungwise.store.database import TABLE
from lungwise.store.lease_queue import FAILED, QUEUED, Leased

HOLDS: Final = "holds"
"""The state while nothing is to be withdrawn."""


class ReportRecipient(Leased, Base):
    """A system that is no archive and has a study's report, or may have it; then the work of withdrawing it there.

    It outlives the study, which is why it names that by its key. `identifiers` are those of the last version that was
    sent, with the identity under which it was: a row is deleted with the study, or once the report is withdrawn.
    `version` is that of the withdrawal.
    """

    __tablename__ = "report_recipients"
    __table_args__ = (UniqueConstraint("study_key", "destination"), Index(None, "state", "due_at"), TABLE)
    running = "sending"

    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), index=True)
    study_key: Mapped[str] = mapped_column(String(20))
    destination: Mapped[str] = mapped_column(String(280))
    version: Mapped[int] = mapped_column(default=0)
    identifiers_encrypted: Mapped[Value] = mapped_column("identifiers", Encrypted())

    identifiers_json = EncryptedText("identifiers_encrypted")


NOT_WITHDRAWN: Final = ReportRecipient.state.in_((QUEUED, ReportRecipient.running, FAILED))
"""Of which the report is to be withdrawn, and is not yet."""
