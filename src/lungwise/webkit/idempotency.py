"""Idempotency keys: what a program or a form sends twice with one key is done once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lungwise.store import Clock
from lungwise.webkit.models import IdempotencyKey
from lungwise.webkit.problems import Refused
from lungwise.webkit.request_services import RequestServices

KEPT = timedelta(days=1)
"""How long a key is remembered: longer than any program goes on retrying."""
OF_A_TOKEN, OF_A_PERSON = IdempotencyKey.token_id, IdempotencyKey.user_id
"""Whose keys: each token has its own, and so has each person who sends forms."""

Owner = InstrumentedAttribute[int | None]


class Idempotency:
    """The keys that programs and forms sent."""

    def __init__(self, session: Session, clock: Clock, owner: Owner = OF_A_TOKEN) -> None:
        self._session = session
        self._clock = clock
        self._owner = owner

    def over(self, session: Session) -> Idempotency:
        """Return the same keys over another session."""
        return Idempotency(session, self._clock, self._owner)

    def of_persons(self) -> Idempotency:
        """Return the keys of forms."""
        return Idempotency(self._session, self._clock, OF_A_PERSON)

    def earlier(self, owner_id: int, key: str, request_hash: str) -> str | None:
        """Return the result of the same request before; None if it is new.

        Raises
        ------
        Refused
            If the key was sent before with another request.
        """
        query = select(IdempotencyKey).where(self._owner == owner_id, IdempotencyKey.key == key)
        found = self._session.scalar(query)
        if found is None or found.created_at < self._clock() - KEPT:
            return None
        if found.request_hash != request_hash:
            raise Refused(409)
        return found.result

    def keep(self, owner_id: int, key: str, request_hash: str, result: str) -> None:
        """Keep the result of a request, in the transaction that did it, and delete old ones.

        Raises
        ------
        sqlalchemy.exc.IntegrityError
            If another request with this key was faster.
        """
        now = self._clock()
        self._session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEPT))
        kept = IdempotencyKey(key=key, request_hash=request_hash, result=result, created_at=now)
        setattr(kept, self._owner.key, owner_id)
        self._session.add(kept)
        self._session.flush()


services = RequestServices[Idempotency]("idempotency")


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request with an idempotency key: what it asks for is done once, however often it is sent.

    Where two with one key are done at the same moment, the key of the slower breaks its unique constraint; its
    transaction is rolled back and repeated, and then finds the result of the other.
    """

    idempotency: Idempotency
    owner_id: int
    key: str
    request_hash: str

    def earlier(self, session: Session) -> str | None:
        """Return its earlier result; None if it is new."""
        return self.idempotency.over(session).earlier(self.owner_id, self.key, self.request_hash)

    def keep(self, session: Session, result: str) -> None:
        """Keep its result, in the transaction that does it."""
        self.idempotency.over(session).keep(self.owner_id, self.key, self.request_hash, result)

    def once(self, session: Session, use_case: Callable[[], str]) -> str:
        """Do what it asks for in a session's transaction; if that was done before, return the result of then."""
        earlier = self.earlier(session)
        if earlier:
            return earlier
        result = use_case()
        self.keep(session, result)
        return result
