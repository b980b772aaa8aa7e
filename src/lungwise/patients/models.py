"""The tables of patients."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base, Encrypted, EncryptedDate, EncryptedText, Moment, Value
from lungwise.store.database import TABLE


class Patient(Base):
    """A patient of one clinic. What identifies them is sealed; `identifier_index` keeps identifiers unique."""

    __tablename__ = "patients"
    __table_args__ = (UniqueConstraint("clinic_id", "identifier_index"), Index(None, "clinic_id", "created_at"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    identifier_encrypted: Mapped[Value] = mapped_column("identifier", Encrypted())
    identifier_index: Mapped[str] = mapped_column(String(40))
    name_encrypted: Mapped[Value] = mapped_column("name", Encrypted())
    sex: Mapped[str] = mapped_column(String(1))
    birth_date_encrypted: Mapped[Value | None] = mapped_column("birth_date", Encrypted())
    created_at: Mapped[datetime] = mapped_column(Moment)

    identifier = EncryptedText("identifier_encrypted")
    name = EncryptedText("name_encrypted")
    birth_date = EncryptedDate("birth_date_encrypted")

    def age(self, on: date) -> int | None:
        """Give the age in whole years on a day, where the birth date is known."""
        born = self.birth_date
        return on.year - born.year - ((on.month, on.day) < (born.month, born.day)) if born else None


class PatientWord(Base):
    """The blind index of one word of a patient's name or identifier, for search by whole words."""

    __tablename__ = "patient_words"
    __table_args__ = (Index(None, "patient_id"), TABLE)

    clinic_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    word: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True)
