"""Forms that are sent once: pressing twice, going back or losing the answer does nothing twice."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable

from flask import request

from lungwise.store import new_key
from lungwise.webkit.current_person import person
from lungwise.webkit.idempotency import IdempotentRequest, services
from lungwise.webkit.transactions import request_session

FIELD = "once"


def form_key() -> str:
    """Return the key of a form that is shown: its own where it was sent and is shown again, or a new one."""
    return _sent_key() or new_key()


def sent_once(fields: list[str], files: list[tuple[str, bytes]]) -> IdempotentRequest | None:
    """Return what makes a form's upload happen once; None if the form has no key.

    The key covers the form with all its fields: going back and choosing other films is another upload.
    """
    key, owner = _sent_key(), person().id
    if key is None or owner is None:
        return None
    hashes = [hashlib.sha256(data).hexdigest() for _name, data in files]
    request_hash = hashlib.sha256(json.dumps([key, request.path, *fields, *hashes]).encode()).hexdigest()
    return IdempotentRequest(services().of_persons(), owner, request_hash, request_hash)


def once(fields: list[str], use_case: Callable[[], str]) -> str:
    """Do what a form without files asks for, in the request's own transaction; return the result of before if it was.

    Parameters
    ----------
    fields
        What the form says; see `sent_once`.
    """
    repeatable = sent_once(fields, [])
    return repeatable.once(request_session(), use_case) if repeatable else use_case()


def _sent_key() -> str | None:
    sent = request.form.get(FIELD, "")
    return sent if re.fullmatch("[0-9a-f]{20}", sent) else None
