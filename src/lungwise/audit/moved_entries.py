"""A clinic's entries, moved from another installation's audit trail: signed anew here, and followed by a statement.

Each entry was signed at the source with a key that stays there. The package brings them as they were verified there;
here they are added at the end of this installation's chain, in their order and with their own times, and the entry
after them says how many they are and the digest of all of them, which the source's trail holds too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from lungwise.audit.chain import ChainKeys, End, entry_hash
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail

_AT_ONCE = 500
MovedEntry = dict[str, Any]
_FIELDS = ("person_id", "person_name", "address", "action", "subject", "subject_key", "times")


class EntriesDigest:
    """The digest of a clinic's entries, as both trails keep it."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()

    def add(self, entry: Mapping[str, Any]) -> None:
        """Take in the next entry."""
        self.count += 1
        self._hash.update(json.dumps(entry, ensure_ascii=False, sort_keys=True).encode() + b"\n")

    @property
    def text(self) -> str:
        """The digest: half of a SHA-256 and some, as long as an entry's subject may be."""
        return self._hash.hexdigest()[:40]


def entries_of(session: Session, clinic_id: int) -> Iterator[MovedEntry]:
    """Yield a clinic's entries, as they are written into a package, with their numbers and hashes at the source."""
    query = select(AuditEntry).where(AuditEntry.clinic_id == clinic_id).order_by(AuditEntry.id)
    for entry in session.scalars(query.execution_options(yield_per=_AT_ONCE)):
        said = {name: getattr(entry, name) for name in _FIELDS}
        yield {"number": entry.id, "hash": entry.hash, "at": entry.at.isoformat(), **said}


class MovedEntries:
    """Adds moved entries at the end of the trail, in the transaction that moves the clinic.

    Parameters
    ----------
    clinics, persons
        The new numbers of the one clinic and of its people, by the old ones, as soon as their rows are written.
    """

    def __init__(
        self, session: Session, trail: AuditTrail, clinics: Mapping[int, int], persons: Mapping[int, int]
    ) -> None:
        self._session = session
        self._trail = trail
        self._clinics = clinics
        self._persons = persons
        self.digest = EntriesDigest()

    def add(self, entries: list[MovedEntry]) -> None:
        """Add some entries."""
        head, keys = self._trail.locked_head(), ChainKeys(self._session)
        sound, secret, rows = self._trail.is_sound(head, keys), keys.secret(head.key), []
        for said in entries:
            self.digest.add(said)
            entry = self._entry(said, head.entries + 1)
            entry.hash = entry_hash(secret, head.hash, entry)
            head.entries, head.hash = entry.id, entry.hash
            rows.append({name: getattr(entry, name) for name in ("id", "at", "clinic_id", *_FIELDS, "hash")})
        head.signature = End.of(head).signature(secret) if sound else ""
        self._session.flush()
        self._session.execute(insert(AuditEntry), rows)

    def _entry(self, said: MovedEntry, number: int) -> AuditEntry:
        fields = {name: said[name] for name in _FIELDS} | {"person_id": self._persons.get(said["person_id"])}
        at, (clinic,) = datetime.fromisoformat(said["at"]), self._clinics.values()
        return AuditEntry(id=number, at=at, clinic_id=clinic, hash="", **fields)
