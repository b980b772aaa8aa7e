"""Slow down guessing: after too many failures an account or an address is locked for a while."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from lungwise.accounts.models import Failures
from lungwise.settings import Settings
from lungwise.store import Clock


class Throttle:
    """Counts failures by name, whether or not an account of that name exists."""

    def __init__(self, session: Session, clock: Clock, settings: Settings) -> None:
        self._session = session
        self._clock = clock
        self._lock = timedelta(minutes=settings.lock_minutes)
        self._limits = {"account": settings.sign_in_failures, "address": settings.address_failures}

    def locked(self, account: str, address: str) -> bool:
        """Say whether either has failed too often of late."""
        return any(self._is_locked(kind, name) for kind, name in (("account", account), ("address", address)))

    def failed(self, account: str, address: str) -> None:
        """Count one failure of both."""
        self._count("account", account)
        self._count("address", address)

    def succeeded(self, account: str) -> None:
        """Forget the account's failures; the address keeps its own."""
        self._session.execute(delete(Failures).where(Failures.name == _hash("account", account)))

    def _is_locked(self, kind: str, name: str) -> bool:
        row = self._session.get(Failures, _hash(kind, name))
        return row is not None and row.count >= self._limits[kind] and row.until > self._clock()

    def _count(self, kind: str, name: str) -> None:
        now = self._clock()
        row = self._session.get(Failures, _hash(kind, name), with_for_update=True)
        if row is None:
            self._session.add(Failures(name=_hash(kind, name), count=1, until=now + self._lock))
        else:
            row.count = row.count + 1 if row.until > now else 1
            row.until = now + self._lock
        self._session.flush()


def _hash(kind: str, name: str) -> str:
    """Names are kept as hashes: the table says nothing of who tried to sign in."""
    return hashlib.sha256(f"{kind}:{name.strip().casefold()}".encode()).hexdigest()
