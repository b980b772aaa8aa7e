"""What a program asks for with an idempotency key is done once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from flask import g, request

from lungwise.api.framework.operations import idempotency_key
from lungwise.webkit.idempotency import IdempotentRequest, services
from lungwise.webkit.transactions import request_session


def asked_once(asked: list[str]) -> IdempotentRequest | None:
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
    return IdempotentRequest(services(), g.token_id, key, request_hash)


def once(asked: list[str], use_case: Callable[[], str]) -> str:
    """Do something in the request's own transaction, or where it was done before, give what came of it."""
    asking, session = asked_once(asked), request_session()
    if asking is None:
        return use_case()
    earlier = asking.earlier(session)
    if earlier:
        return earlier
    result = use_case()
    asking.keep(session, result)
    return result
