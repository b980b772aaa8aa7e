"""The tables of patients' earlier films, which an archive has, and of fetching them."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base
from lungwise.store.database import TABLE
from lungwise.store.lease_queue import Leased
from lungwise.studies.object_models import KeptObject

DONE = "done"


class PriorFilm(KeptObject, Base):
    """An earlier film of a patient, fetched for comparison: it is neither read nor new, and of no study here.

    `patient_id` is the record that it names, perhaps one that was merged into another.
    """

    __tablename__ = "prior_films"
    __table_args__ = (UniqueConstraint("clinic_id", "instance_uid"), TABLE)

    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    taken_on: Mapped[date] = mapped_column()


class PriorFetch(Leased, Base):
    """The work of fetching a patient's earlier films, written in the same transaction as a new film."""

    __tablename__ = "prior_fetches"
    __table_args__ = (Index(None, "state", "due_at"), TABLE)
    running = "fetching"

    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), unique=True)
