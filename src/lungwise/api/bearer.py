"""Who holds the request's token, and what they asked for once already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from flask import g, request
from sqlalchemy.exc import IntegrityError

from lungwise.api.operations import idempotency_key
from lungwise.web.desk import desk


def clinic() -> str:
    """Give the name of the token's clinic."""
    return str(g.clinic)


def once(asked: list[str], deed: Callable[[], str]) -> str:
    """Do a deed, or where this idempotency key did it before, give what came of it.

    Parameters
    ----------
    asked
        What the request says: the same key with anything else is rejected.
    """
    key = idempotency_key()
    if key is None:
        return deed()
    request_hash = hashlib.sha256(json.dumps([request.path, *asked]).encode()).hexdigest()
    earlier = desk().idempotency.earlier(g.token_id, key, request_hash)
    if earlier:
        return earlier
    desk().session.commit()  # no lock is held while films go to disk
    result = deed()
    try:
        desk().idempotency.keep(g.token_id, key, request_hash, result)
    except IntegrityError:
        desk().session.rollback()
        earlier = desk().idempotency.earlier(g.token_id, key, request_hash)
        if earlier is None:
            raise
        return earlier
    return result
