"""Who holds the request's token, and what they asked for once already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from flask import g, request
from sqlalchemy.orm import Session

from lungwise.api.idempotency import Idempotency
from lungwise.api.operations import idempotency_key
from lungwise.web.desk import desk


def clinic() -> str:
    """Give the name of the token's clinic."""
    return str(g.clinic)


@dataclass(frozen=True, slots=True)
class AskedOnce:
    """A request with an idempotency key: what it asks for is done once, however often it is sent.

    Where two with one key are done at the same moment, the key of the slower breaks its unique constraint; its
    transaction is undone and begun anew, and then finds what came of the other.
    """

    idempotency: Idempotency
    token_id: int
    key: str
    request_hash: str

    def earlier(self, session: Session) -> str | None:
        """Give what came of it before; none where it is new."""
        return self.idempotency.over(session).earlier(self.token_id, self.key, self.request_hash)

    def keep(self, session: Session, result: str) -> None:
        """Keep what comes of it, in the transaction that does it."""
        self.idempotency.over(session).keep(self.token_id, self.key, self.request_hash, result)


def asked_once(asked: list[str]) -> AskedOnce | None:
    """Give the request's idempotency key and what it stands for; none where the request has no key.

    Parameters
    ----------
    asked
        What the request says: the same key with anything else is rejected.
    """
    key = idempotency_key()
    if key is None:
        return None
    request_hash = hashlib.sha256(json.dumps([request.path, *asked]).encode()).hexdigest()
    return AskedOnce(desk().idempotency, g.token_id, key, request_hash)


def once(asked: list[str], deed: Callable[[], str]) -> str:
    """Do a deed in the request's own transaction, or where it was done before, give what came of it."""
    asking, session = asked_once(asked), desk().session
    if asking is None:
        return deed()
    earlier = asking.earlier(session)
    if earlier:
        return earlier
    result = deed()
    asking.keep(session, result)
    return result
