"""The table of orders."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

import lungwise.patients.service  # noqa: F401 - orders refer to its table
from lungwise.orders.order import OPEN, OrderStatus, OrderUrgency, OrderWay, PlacerNumber, Procedure
from lungwise.store import Base, Encrypted, EncryptedText, Moment, Value, utc_now
from lungwise.store.database import TABLE


class Order(Base):
    """A request for films of one patient. What identifies the patient or the request is encrypted.

    `accession_index` and `placer_index` find an order by its numbers, and keep them unique within a clinic; an order
    that was written here has no placer's number. `study_uid` is the Study Instance UID that its films shall have, and
    `study_key` the study whose films answer it. `merged_from_id` is the patient's record that it was placed for, where
    that was merged into this patient's: so merging can be undone.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("clinic_id", "accession_index"),
        UniqueConstraint("clinic_id", "placer_index"),
        Index("ix_orders_clinic_id_study_uid", "clinic_id", "study_uid"),
        Index("ix_orders_worklist", "clinic_id", "status", "scheduled_at"),
        Index("ix_orders_page", "clinic_id", "status", "id"),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"), index=True)
    merged_from_id: Mapped[int | None] = mapped_column(ForeignKey("patients.id"), index=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    status: Mapped[str] = mapped_column(String(12), default=OrderStatus.REQUESTED.value)
    urgency: Mapped[str] = mapped_column(String(10), default=OrderUrgency.ROUTINE.value)
    way: Mapped[str] = mapped_column(String(10), default=OrderWay.PAGE.value)
    modality: Mapped[str] = mapped_column(String(16))
    station: Mapped[str] = mapped_column(String(16), default="")
    scheduled_at: Mapped[datetime] = mapped_column(Moment)
    study_uid: Mapped[str] = mapped_column(String(64))
    study_key: Mapped[str | None] = mapped_column(String(20), index=True)
    accession_encrypted: Mapped[Value] = mapped_column("accession", Encrypted())
    accession_index: Mapped[str] = mapped_column(String(40))
    placer_encrypted: Mapped[Value | None] = mapped_column("placer", Encrypted())
    placer_index: Mapped[str | None] = mapped_column(String(40))
    procedure_encrypted: Mapped[Value] = mapped_column("requested_procedure", Encrypted())
    reason_encrypted: Mapped[Value] = mapped_column("reason", Encrypted())
    referring_physician_encrypted: Mapped[Value] = mapped_column("referring_physician", Encrypted())
    ordered_by_encrypted: Mapped[Value] = mapped_column("ordered_by", Encrypted())
    created_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment, default=utc_now, onupdate=utc_now)

    accession = EncryptedText("accession_encrypted")
    placer_json = EncryptedText("placer_encrypted")
    procedure_json = EncryptedText("procedure_encrypted")
    reason = EncryptedText("reason_encrypted")
    referring_physician = EncryptedText("referring_physician_encrypted")
    ordered_by = EncryptedText("ordered_by_encrypted")

    @property
    def placer(self) -> PlacerNumber | None:
        """The number that the placer gave, where the order came from another program."""
        return PlacerNumber.from_json(self.placer_json) if self.placer_encrypted is not None else None

    @placer.setter
    def placer(self, placer: PlacerNumber) -> None:
        self.placer_json = placer.as_json()

    @property
    def procedure(self) -> Procedure:
        """What shall be done."""
        return Procedure.from_json(self.procedure_json)

    @procedure.setter
    def procedure(self, procedure: Procedure) -> None:
        self.procedure_json = procedure.as_json()

    @property
    def is_open(self) -> bool:
        """Whether films of it may still be taken."""
        return self.status in OPEN

    @property
    def may_be_changed(self) -> bool:
        """Whether it can ask for something else: it is open, or what was taken for it is not here any more."""
        return self.is_open or self.may_be_cancelled

    @property
    def may_be_cancelled(self) -> bool:
        """Whether it can be given up: it is not cancelled, and no study answers it."""
        return self.status != OrderStatus.CANCELLED and self.study_key is None
