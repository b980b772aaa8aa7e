"""Words that may name a patient, in an address: encrypted, and legible only to the person who typed them.

An address stays in the browser's history, in logs and in what people send each other; a patient's name must not.
"""

from __future__ import annotations

import base64
import binascii

from lungwise.store import EncryptionError, keys_of
from lungwise.webkit.current_person import person
from lungwise.webkit.transactions import request_session

_PADDING_BYTES = 16


def hidden(words: str) -> str:
    """Write words as a part of an address; empty where there are none."""
    if not words:
        return ""
    plain = words.encode()
    padded = plain + bytes(-len(plain) % _PADDING_BYTES)
    encrypted = keys_of(request_session()).encrypt(padded, _context())
    return base64.urlsafe_b64encode(encrypted).decode().rstrip("=")


def legible(part: str) -> str:
    """Read what `hidden` has written for this person; empty where it is somebody else's, or nothing."""
    try:
        encrypted = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return keys_of(request_session()).decrypt(encrypted, _context()).rstrip(b"\0").decode()
    except (EncryptionError, binascii.Error, ValueError):
        return ""


def _context() -> str:
    return f"words in an address of {person().id}"
