"""How much one account may upload in a day, so that none fills the disk (OWASP ASVS 12.1.3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import BigInteger, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lungwise.access import Person
from lungwise.errors import Rejected
from lungwise.films.refusals import N_
from lungwise.receiving.uploads import Limits, Upload
from lungwise.store import Base, Clock
from lungwise.studies.numbers import decimals_apart
from lungwise.time_zones import ZoneOf, day_in, in_utc

_TOO_MANY = N_(
    "With this upload your account would have sent %(count)s films today, and %(most)s are allowed. Go on tomorrow, or "
    "ask whoever runs the server (setting account_films)."
)
_TOO_LARGE = N_(
    "With this upload your account would have sent %(count)s GB today, and %(most)s are allowed. Go on tomorrow, or "
    "ask whoever runs the server (setting account_gigabytes)."
)
_KEPT = timedelta(days=2)


class UploadDay(Base):
    """What an account uploaded on a day where its clinic stands. Days that are over are deleted."""

    __tablename__ = "upload_days"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    films: Mapped[int] = mapped_column()
    size: Mapped[int] = mapped_column(BigInteger)


class Quota:
    """Counts what each account uploads. A node has no account: what it takes is bounded by who may send to it."""

    def __init__(self, session: Session, clock: Clock, limits: Limits, zone_of: ZoneOf = in_utc) -> None:
        self._session = session
        self._clock = clock
        self._limits = limits
        self._zone_of = zone_of

    def check(self, person: Person, uploads: Sequence[Upload]) -> None:
        """Refuse films, and objects beside them, beyond the account's quota of a day.

        Raises
        ------
        Rejected
            If there would be too many, or they would be too large together.
        """
        if person.id is None:
            return
        known = self._session.get(UploadDay, (person.id, self._today(person)))
        films, size = (known.films, known.size) if known else (0, 0)
        self._check(films + _films_among(uploads), size + _size_of(uploads))

    def count(self, person: Person, uploads: Sequence[Upload]) -> None:
        """Count films, and the bytes of objects beside them, in the transaction that records them."""
        if person.id is None:
            return
        today = self._today(person)
        key = (person.id, today)
        day = self._session.get(UploadDay, key, with_for_update=True, populate_existing=True)
        if day is None:
            day = UploadDay(user_id=person.id, day=today, films=0, size=0)
            self._session.add(day)
            old = select(UploadDay).where(UploadDay.user_id == person.id, UploadDay.day < today - _KEPT)
            for gone in self._session.scalars(old):
                self._session.delete(gone)
        day.films += _films_among(uploads)
        day.size += _size_of(uploads)
        self._check(day.films, day.size)
        self._session.flush()

    def _check(self, films: int, size: int) -> None:
        if 0 < self._limits.account_films < films:
            raise Rejected(_TOO_MANY, count=films, most=self._limits.account_films)
        if 0 < self._limits.account_bytes < size:
            count, most = size / (1 << 30), self._limits.account_bytes / (1 << 30)
            decimals = decimals_apart(count, most, fewest=1)
            raise Rejected(_TOO_LARGE, count=f"{count:.{decimals}f}", most=f"{most:.{decimals}f}")

    def _today(self, person: Person) -> date:
        return day_in(self._zone_of(person.clinic_id), self._clock())


def _films_among(uploads: Sequence[Upload]) -> int:
    return sum(not upload.is_object for upload in uploads)


def _size_of(uploads: Sequence[Upload]) -> int:
    return sum(len(upload.data) for upload in uploads)
