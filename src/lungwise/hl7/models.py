"""The table of messages: which were done, so that none is done twice, and which wait for an administrator."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base, Encrypted, EncryptedText, Moment, Value
from lungwise.store.database import TABLE


class MessageState(StrEnum):
    """What became of a message."""

    DONE = "done"
    FAILED = "failed"
    DROPPED = "dropped"


class ReceivedMessage(Base):
    """A message of a hospital system. Its text is kept as long as it waits for an administrator, and encrypted.

    `digest` tells it from others; `patient_index` finds the messages about one patient. Both are blind indexes.
    """

    __tablename__ = "hl7_messages"
    __table_args__ = (
        UniqueConstraint("clinic_id", "digest"),
        Index(None, "clinic_id", "state"),
        Index(None, "clinic_id", "patient_index"),
        Index(None, "created_at"),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    sender: Mapped[str] = mapped_column(String(120))
    type: Mapped[str] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(String(40))
    patient_index: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10))
    error: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(Moment)
    text_encrypted: Mapped[Value | None] = mapped_column("text", Encrypted())

    text = EncryptedText("text_encrypted")
