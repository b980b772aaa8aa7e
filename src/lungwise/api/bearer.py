"""Who holds the request's token, and what they asked for once already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from flask import g, request

from lungwise.api.framework.operations import idempotency_key
from lungwise.webkit.idempotency import AskedOnce
from lungwise.webkit.request_services import desk


def clinic() -> str:
    """Give the name of the token's clinic."""
    return str(g.clinic)


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
