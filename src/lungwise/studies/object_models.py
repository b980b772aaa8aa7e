"""The tables of DICOM objects that are not films of a study."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lungwise.store import Base, Moment
from lungwise.store.database import TABLE
from lungwise.studies.models import FilmRecord


class KeptObject:
    """A DICOM object that is not a film of a study; its bytes lie in the film store, in a folder of its key.

    `digest` is that of its bytes without what each sender writes anew before them.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    study_uid: Mapped[str] = mapped_column(String(64))
    series_uid: Mapped[str] = mapped_column(String(64))
    instance_uid: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column()
    sender: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(Moment)


class HeldFilm(KeptObject, Base):
    """A film kept aside: a film is known by its SOP Instance UID that has other pixels, or another patient."""

    __tablename__ = "held_films"
    __table_args__ = (
        UniqueConstraint("clinic_id", "instance_uid", "digest"),
        TABLE,
    )

    film_id: Mapped[int | None] = mapped_column(ForeignKey("films.id", ondelete="SET NULL"), index=True)
    cause: Mapped[str] = mapped_column(String(10))

    film: Mapped[FilmRecord | None] = relationship()


class OtherObject(KeptObject, Base):
    """A structured report, document, key object selection, presentation state or segmentation of a study."""

    __tablename__ = "other_objects"
    __table_args__ = (
        UniqueConstraint("clinic_id", "instance_uid", "digest"),
        Index(None, "clinic_id", "study_uid"),
        TABLE,
    )

    sop_class: Mapped[str] = mapped_column(String(64))
