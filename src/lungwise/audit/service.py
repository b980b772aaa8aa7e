"""The audit trail: entries are only ever added, each chained by hash to the one before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from lungwise.accounts.person import Person, Right
from lungwise.audit.models import AuditEntry, AuditHead
from lungwise.store import Clock

PAGE = 50
_START = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the trail to show."""

    person: str = ""
    deed: str = ""
    subject_key: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold, and why."""

    entry: int
    reason: str


class AuditTrail:
    """The trail, as seen from one network address."""

    def __init__(self, session: Session, clock: Clock, address: str = "") -> None:
        self._session = session
        self._clock = clock
        self._address = address

    def record(self, person: Person, deed: str, subject: str, subject_key: str, times: int | None = None) -> None:
        """Add an entry; it becomes true with the session's transaction.

        Parameters
        ----------
        times
            How often it was done, where one entry stands for many deeds.
        """
        head = self._session.get(AuditHead, 1, with_for_update=True, populate_existing=True)
        if head is None:
            head = AuditHead(id=1, entries=0, hash=_START)
            self._session.add(head)
        entry = AuditEntry(
            id=head.entries + 1,
            at=self._clock(),
            clinic_id=person.clinic_id,
            person_id=person.id,
            person_name=person.name,
            address=self._address,
            deed=deed,
            subject=subject,
            subject_key=subject_key,
            times=times,
            hash="",
        )
        entry.hash = _hash(head.hash, entry)
        head.entries, head.hash = entry.id, entry.hash
        self._session.add(entry)
        self._session.flush()

    def page(self, person: Person, wanted: AuditFilter, before: int | None = None) -> list[AuditEntry]:
        """List a page of the clinic's entries, the newest first."""
        query = self._filtered(person, wanted)
        if before is not None:
            query = query.where(AuditEntry.id < before)
        return list(self._session.scalars(query.limit(PAGE)))

    def export(self, person: Person, wanted: AuditFilter) -> Iterator[AuditEntry]:
        """Walk over all of the clinic's entries that the filter lets through, the newest first."""
        yield from self._session.scalars(self._filtered(person, wanted).execution_options(yield_per=500))

    def verify(self) -> Break | None:
        """Walk the whole chain and name its first break, if it has one."""
        previous, number = _START, 0
        for entry in self._session.scalars(select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=500)):
            number += 1
            if entry.id != number:
                return Break(number, "the entry is missing")
            if entry.hash != _hash(previous, entry):
                return Break(number, "the entry is not what was written")
            previous = entry.hash
        return self._verify_head(number, previous)

    def head(self) -> tuple[int, str]:
        """Give the number of entries and the last hash, to be noted outside this machine."""
        head = self._session.get(AuditHead, 1)
        return (head.entries, head.hash) if head else (0, _START)

    def _verify_head(self, entries: int, last: str) -> Break | None:
        expected, hash_ = self.head()
        if entries != expected:
            return Break(entries + 1, "entries are missing at the end")
        return None if last == hash_ else Break(entries, "the chain's end is not what was written")

    def _filtered(self, person: Person, wanted: AuditFilter) -> Select[AuditEntry]:
        person.need(Right.ADMINISTER)
        query = select(AuditEntry).where(AuditEntry.clinic_id == person.clinic_id).order_by(AuditEntry.id.desc())
        if wanted.person:
            query = query.where(AuditEntry.person_name == wanted.person)
        if wanted.deed:
            query = query.where(AuditEntry.deed == wanted.deed)
        if wanted.subject_key:
            query = query.where(AuditEntry.subject_key == wanted.subject_key)
        if wanted.since:
            query = query.where(AuditEntry.at >= datetime.combine(wanted.since, time.min, UTC))
        if wanted.until:
            query = query.where(AuditEntry.at <= datetime.combine(wanted.until, time.max, UTC))
        return query


def _hash(previous: str, entry: AuditEntry) -> str:
    fields = [
        previous,
        entry.id,
        entry.at.isoformat(),
        entry.clinic_id,
        entry.person_id,
        entry.person_name,
        entry.address,
        entry.deed,
        entry.subject,
        entry.subject_key,
        *([] if entry.times is None else [entry.times]),  # entries written before there were any hash as they did
    ]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()
