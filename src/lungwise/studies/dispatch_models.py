"""The table of results that are sent to archives, and to systems that get reports."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base
from lungwise.store.database import TABLE
from lungwise.store.lease_queue import Leased


class DispatchState(StrEnum):
    """Where the sending of one study's objects to one archive stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Dispatch(Leased, Base):
    """The work of sending one study's results to one place, written in the same transaction as its last reading.

    It is queued again when what the results say is changed. `destination` is an archive, as AE@host:port, or the name
    of a system that gets reports, as the settings have it. `accepted` are the SOP Instance UIDs that an archive has
    acknowledged: they are not sent again. Of an archive that confirms what it keeps, `committed` are those that it has
    confirmed, `as_sent` class and UID of those that it has in another form, and `asks` how often it was asked in vain.
    """

    __tablename__ = "study_dispatches"
    __table_args__ = (UniqueConstraint("study_id", "destination"), Index(None, "state", "due_at"), TABLE)
    running = DispatchState.SENDING

    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    destination: Mapped[str] = mapped_column(String(280))
    accepted: Mapped[list[str]] = mapped_column(JSON, default=list)
    committed: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    as_sent: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True))
    asks: Mapped[int] = mapped_column(default=0, server_default="0")

    @property
    def is_for_archive(self) -> bool:
        """Whether it goes to an archive, not to a system that gets reports."""
        return is_archive(self.destination)


def is_archive(destination: str) -> bool:
    """Return whether a destination is an archive: those have an address, and systems that get reports a name."""
    return "@" in destination


GOES_TO_ARCHIVE: Final = Dispatch.destination.contains("@")
"""`Dispatch.is_for_archive`, as the database is asked."""
