"""The tables of the audit trail."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base, Encrypted, EncryptedText, Moment, Value
from lungwise.store.database import TABLE


class AuditEntry(Base):
    """One action. It holds keys of things, never patient data, and outlives what it speaks of."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "clinic_id", "id"), Index(None, "clinic_id", "subject_key"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Moment)
    clinic_id: Mapped[int | None] = mapped_column()
    person_id: Mapped[int | None] = mapped_column()
    person_name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(45))
    action: Mapped[str] = mapped_column("deed", String(40))
    subject: Mapped[str] = mapped_column(String(20))
    subject_key: Mapped[str] = mapped_column(String(40))
    times: Mapped[int | None] = mapped_column()
    hash: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The chain's end, as `chain.End` says, signed. One row.

    It is not signed where entries were added after an end that was not what was written: nothing makes it whole again.
    """

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entries: Mapped[int] = mapped_column()
    hash: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(8))
    broken_at: Mapped[int | None] = mapped_column()
    signature: Mapped[str] = mapped_column(String(64))


class AuditKey(Base):
    """A secret that entries were signed with under a key that is no longer the first."""

    __tablename__ = "audit_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(8), unique=True)
    secret_encrypted: Mapped[Value] = mapped_column("secret", Encrypted(row_key="name"))

    secret = EncryptedText("secret_encrypted")
