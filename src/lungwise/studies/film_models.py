"""The tables beside that of films: a film's small picture, its header, and that it is kept once."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base, Encrypted, EncryptedBytes, Value
from lungwise.store.database import TABLE


class Thumbnail(Base):
    """A film as a very small picture, so that a list of films need not decode each of them."""

    __tablename__ = "thumbnails"

    film_id: Mapped[int] = mapped_column(
        ForeignKey("films.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    film_key: Mapped[str] = mapped_column(String(20))
    picture_encrypted: Mapped[Value] = mapped_column("picture", Encrypted(row_key="film_key"))

    picture = EncryptedBytes("picture_encrypted")


class FilmAttributes(Base):
    """What a DICOM film's header says, packed as the DICOM JSON Model, so that a search reads no file."""

    __tablename__ = "film_attributes"

    film_id: Mapped[int] = mapped_column(
        ForeignKey("films.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    film_key: Mapped[str] = mapped_column(String(20))
    packed_encrypted: Mapped[Value] = mapped_column("attributes", Encrypted(row_key="film_key"))

    packed = EncryptedBytes("packed_encrypted")


class Acceptance(Base):
    """That an object came over the network: a clinic accepts a SOP Instance UID once."""

    __tablename__ = "acceptances"
    __table_args__ = (Index(None, "film_id"), TABLE)

    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), primary_key=True, autoincrement=False)
    instance_uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    film_id: Mapped[int] = mapped_column(ForeignKey("films.id", ondelete="CASCADE"))
    sender: Mapped[str] = mapped_column(String(16))


class FilmContent(Base):
    """That a content is a film of a clinic: the SHA-256 of its bytes, or its SOP Instance UID; the first film has it.

    It lets nobody make a second film of it at the same moment.
    """

    __tablename__ = "film_contents"
    __table_args__ = (Index(None, "film_id"), TABLE)

    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), primary_key=True, autoincrement=False)
    content: Mapped[str] = mapped_column(String(64), primary_key=True)
    film_id: Mapped[int] = mapped_column(ForeignKey("films.id", ondelete="CASCADE"))
