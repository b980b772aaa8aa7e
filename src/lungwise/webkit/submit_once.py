"""Forms that are sent once: a second press, Back, or an answer that was lost does nothing twice."""

from __future__ import annotations

import hashlib
import json
import re

from flask import request

from lungwise.store import new_key
from lungwise.webkit.current_person import person
from lungwise.webkit.idempotency import AskedOnce, services

FIELD = "once"


def form_key() -> str:
    """Give the key of a form that is drawn: its own where it was sent and is drawn again, or a new one."""
    return _sent_key() or new_key()


def sent_once(said: list[str], files: list[tuple[str, bytes]]) -> AskedOnce | None:
    """Give what makes an upload of a form be done once; none where the form has no key.

    The key is of the form with all that it says: Back and other films are another upload.
    """
    key, owner = _sent_key(), person().id
    if key is None or owner is None:
        return None
    hashes = [hashlib.sha256(data).hexdigest() for _name, data in files]
    request_hash = hashlib.sha256(json.dumps([key, request.path, *said, *hashes]).encode()).hexdigest()
    return AskedOnce(services().of_persons(), owner, request_hash, request_hash)


def _sent_key() -> str | None:
    sent = request.form.get(FIELD, "")
    return sent if re.fullmatch("[0-9a-f]{20}", sent) else None
