"""A request with an idempotency key is done once, however often it is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from flask import g, request

from lungwise.api.framework.operations import idempotency_key
from lungwise.webkit.idempotency import IdempotentRequest, services
from lungwise.webkit.transactions import request_session


def idempotent_request(contents: list[str]) -> IdempotentRequest | None:
    """Return the request's idempotency key with a hash of the request; None if it has no key.

    Parameters
    ----------
    contents
        What the request says; the same key with other contents is rejected.
    """
    key = idempotency_key()
    if key is None:
        return None
    request_hash = hashlib.sha256(json.dumps([request.path, *contents]).encode()).hexdigest()
    return IdempotentRequest(services(), g.token_id, key, request_hash)


def once(contents: list[str], use_case: Callable[[], str]) -> str:
    """Do something in the request's own transaction; if it was done before, return the result of then."""
    repeatable = idempotent_request(contents)
    return repeatable.once(request_session(), use_case) if repeatable else use_case()
