"""The versions of a study's structured report that archives have: a new one names the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lungwise.store import Base, Clock, Moment
from lungwise.store.database import TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportVersion:
    """A version of a study's report, by its UIDs."""

    study_uid: str
    series_uid: str
    instance_uid: str


class SentReport(Base):
    """A version of a study's report that an archive has acknowledged."""

    __tablename__ = "sent_reports"
    __table_args__ = (Index(None, "study_id", "study_uid"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    study_uid: Mapped[str] = mapped_column(String(64))
    series_uid: Mapped[str] = mapped_column(String(64))
    instance_uid: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Moment)


class SentReports:
    """Keeps which versions of a study's report were sent."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def keep(self, study_id: int, version: ReportVersion) -> None:
        """Keep that an archive has a version; of several archives the first one counts."""
        known = (SentReport.study_id == study_id, SentReport.instance_uid == version.instance_uid)
        if not self._session.scalar(select(exists().where(*known))):
            self._session.add(
                SentReport(
                    study_id=study_id,
                    study_uid=version.study_uid,
                    series_uid=version.series_uid,
                    instance_uid=version.instance_uid,
                    created_at=self._clock(),
                )
            )
            self._session.flush()

    def of(self, study_id: int, study_uid: str) -> list[ReportVersion]:
        """Return the versions of a study's report, the newest first, each once."""
        mine = (SentReport.study_id == study_id, SentReport.study_uid == study_uid)
        rows = self._session.scalars(select(SentReport).where(*mine).order_by(SentReport.id.desc()))
        versions = (
            ReportVersion(study_uid=row.study_uid, series_uid=row.series_uid, instance_uid=row.instance_uid)
            for row in rows
        )
        return list(dict.fromkeys(versions))
