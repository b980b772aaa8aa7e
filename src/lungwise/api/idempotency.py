"""Idempotency keys: what a program asks for twice with one key is done once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lungwise.api.models import IdempotencyKey
from lungwise.api.problems import Refused
from lungwise.store import Clock

KEPT = timedelta(days=1)
"""How long a key is remembered: longer than any program goes on retrying."""


class Idempotency:
    """The keys that one token's program sent."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def over(self, session: Session) -> Idempotency:
        """Give the same keys as another session sees them."""
        return Idempotency(session, self._clock)

    def earlier(self, token_id: int, key: str, request_hash: str) -> str | None:
        """Give what came of the same request before; none where it is new.

        Raises
        ------
        Refused
            If the key was sent before with another request.
        """
        query = select(IdempotencyKey).where(IdempotencyKey.token_id == token_id, IdempotencyKey.key == key)
        found = self._session.scalar(query)
        if found is None or found.created_at < self._clock() - KEPT:
            return None
        if found.request_hash != request_hash:
            raise Refused(409)
        return found.result

    def keep(self, token_id: int, key: str, request_hash: str, result: str) -> None:
        """Keep what came of a request, in the transaction that did it, and forget what is old.

        Raises
        ------
        sqlalchemy.exc.IntegrityError
            If another request with this key was faster.
        """
        now = self._clock()
        self._session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEPT))
        kept = IdempotencyKey(token_id=token_id, key=key, request_hash=request_hash, result=result, created_at=now)
        self._session.add(kept)
        self._session.flush()
