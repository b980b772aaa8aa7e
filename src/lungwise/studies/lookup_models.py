"""The table of accession numbers that are asked of the hospital's modality worklist."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base
from lungwise.store.database import TABLE
from lungwise.store.lease_queue import Leased

ANSWERED = "answered"


class AccessionLookup(Leased, Base):
    """The work of asking for the accession number of films that say none, written in the same transaction as these.

    It is asked once for the films of one Study Instance UID. `answer` is a `LookupAnswer`, '' while there is none, and
    `source` the AE title of the worklist that gave it; then `due_at` is when it did.
    """

    __tablename__ = "accession_lookups"
    __table_args__ = (UniqueConstraint("study_id", "study_uid"), Index(None, "state", "due_at"), TABLE)
    running = "asking"

    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    study_uid: Mapped[str] = mapped_column(String(64))
    taken_on: Mapped[date | None] = mapped_column()
    answer: Mapped[str] = mapped_column(String(12), default="")
    source: Mapped[str] = mapped_column(String(16), default="")
