"""The table of clinics."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base, Moment


class Clinic(Base):
    """A clinic: films, patients and users are seen only inside it.

    What its administrator has not set is null, and as the installation is set.
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
