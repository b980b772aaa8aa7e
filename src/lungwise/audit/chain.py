"""The chain of the audit trail: each entry is signed with the one before, its end as a whole, by keys of their own.

The keys are made from the installation's (HKDF) and used for nothing else. Who has none of them and edits an entry
cannot compute the chain anew.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.audit.models import AuditEntry, AuditHead, AuditKey
from lungwise.store import keys_of

START = "0" * 64


@dataclass(frozen=True, slots=True)
class End:
    """The chain's end: how many entries there are, the last one's hash, and the name of the key that goes on with it.

    `broken_at` is the entry at which an earlier release's chain, which had no key, did not hold when it was keyed.
    """

    entries: int
    hash: str
    key: str
    broken_at: int | None = None

    @classmethod
    def of(cls, head: AuditHead) -> End:
        """Return the end that the database says."""
        return cls(head.entries, head.hash, head.key, head.broken_at)

    def signature(self, secret: bytes) -> str:
        """Sign the end."""
        return _sign(secret, "end", asdict(self))


class ChainKeys:
    """The secrets that entries are, and were, signed with."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._keys = keys_of(session)

    @property
    def first(self) -> str:
        """The name of the installation's first key, which shall sign from the next rotation on."""
        return self._keys.names[0]

    def secret(self, name: str) -> bytes:
        """Return the secret that signs under a key's name.

        Raises
        ------
        MissingKeyError
            If that key is not here.
        """
        return self._keys.key(name).derived("audit")

    def signed(self, end: End, signature: str) -> bool:
        """Return whether an end was signed with one of the installation's keys."""
        return end.key in self._keys.names and hmac.compare_digest(end.signature(self.secret(end.key)), signature)

    def oldest_first(self) -> list[bytes]:
        """Return every secret, in the order in which they came into use."""
        kept = {
            key.name: bytes.fromhex(key.secret) for key in self._session.scalars(select(AuditKey).order_by(AuditKey.id))
        }
        return [*kept.values(), *(self.secret(name) for name in reversed(self._keys.names) if name not in kept)]

    def keep(self, name: str) -> None:
        """Keep a secret, encrypted with the first key, so that its entries can be checked when its key is dropped."""
        if self._session.scalar(select(AuditKey.id).where(AuditKey.name == name)) is None:
            self._session.add(AuditKey(name=name, secret=self.secret(name).hex()))


def entry_hash(secret: bytes, previous: str, entry: AuditEntry) -> str:
    """Sign an entry with the one before."""
    fields = [
        previous,
        entry.id,
        entry.at.isoformat(),
        entry.clinic_id,
        entry.person_id,
        entry.person_name,
        entry.address,
        entry.action,
        entry.subject,
        entry.subject_key,
        entry.times,
    ]
    return _sign(secret, "entry", fields)


def _sign(secret: bytes, what: str, fields: object) -> str:
    return hmac.digest(secret, f"{what}\0{json.dumps(fields, ensure_ascii=False)}".encode(), "sha256").hex()
