"""The tables of patients."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.patients.identity import Identity, PatientFacts, age_of
from lungwise.store import Base, Encrypted, EncryptedDate, EncryptedText, Moment, Value, utc_now
from lungwise.store.database import TABLE


class Patient(Base):
    """A patient of one clinic, or one whose identity is unclear. What identifies them is encrypted.

    `identifier_index` finds who has an identifier. `identity_index` keeps patients unique: for the first patient of
    an identifier it is the same, for others it is made of all that a header says of who they are.
    """

    __tablename__ = "patients"
    __table_args__ = (
        UniqueConstraint("clinic_id", "identity_index"),
        Index(None, "clinic_id", "identifier_index"),
        Index(None, "clinic_id", "created_at"),
        Index(None, "clinic_id", "changed_at"),
        Index(None, "clinic_id", "identity"),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    identifier_encrypted: Mapped[Value] = mapped_column("identifier", Encrypted())
    identifier_index: Mapped[str] = mapped_column(String(40))
    identity_index: Mapped[str] = mapped_column(String(40))
    issuer_encrypted: Mapped[Value | None] = mapped_column("issuer", Encrypted())
    name_encrypted: Mapped[Value] = mapped_column("name", Encrypted())
    ideographic_encrypted: Mapped[Value | None] = mapped_column("ideographic", Encrypted())
    phonetic_encrypted: Mapped[Value | None] = mapped_column("phonetic", Encrypted())
    sex: Mapped[str] = mapped_column(String(1))
    birth_date_encrypted: Mapped[Value | None] = mapped_column("birth_date", Encrypted())
    identity: Mapped[str] = mapped_column(String(10), default=Identity.CLEAR.value)
    identity_before: Mapped[str | None] = mapped_column(String(10))
    same_as_id: Mapped[int | None] = mapped_column(ForeignKey("patients.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment, default=utc_now, onupdate=utc_now)

    identifier = EncryptedText("identifier_encrypted")
    issuer = EncryptedText("issuer_encrypted")
    name = EncryptedText("name_encrypted")
    ideographic = EncryptedText("ideographic_encrypted")
    phonetic = EncryptedText("phonetic_encrypted")
    birth_date = EncryptedDate("birth_date_encrypted")

    @property
    def facts(self) -> PatientFacts:
        """What is known of the patient."""
        return PatientFacts(**{field.name: getattr(self, field.name) for field in fields(PatientFacts)})

    @facts.setter
    def facts(self, facts: PatientFacts) -> None:
        for field in fields(facts):
            setattr(self, field.name, getattr(facts, field.name))

    def saying(self, facts: PatientFacts) -> Patient:
        """Return this patient with other facts, as a copy to be shown, which no session keeps."""
        copy = Patient(id=self.id, key=self.key, clinic_id=self.clinic_id, identity=self.identity)
        copy.created_at, copy.changed_at, copy.same_as_id = self.created_at, self.changed_at, self.same_as_id
        copy.facts = facts
        return copy

    @property
    def is_unclear(self) -> bool:
        """Whether nobody has said yet who this is."""
        return self.identity == Identity.UNCLEAR

    def age(self, on: date) -> int | None:
        """Return the age in whole years on a day, where the birth date is known."""
        return age_of(self.birth_date, on) if self.birth_date else None


class PatientChange(Base):
    """What was known of a patient before a person changed it. `cause_id` is the record whose merging did it."""

    __tablename__ = "patient_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    cause_id: Mapped[int | None] = mapped_column()
    person_name: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(Moment)
    before_encrypted: Mapped[Value] = mapped_column("before", Encrypted())

    before = EncryptedText("before_encrypted")

    @property
    def facts(self) -> PatientFacts:
        """What was known before."""
        return PatientFacts.from_json(self.before)

    @facts.setter
    def facts(self, facts: PatientFacts) -> None:
        self.before = facts.as_json()
