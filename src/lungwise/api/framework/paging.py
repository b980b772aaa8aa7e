"""Cursors: where a list continues, in a form that nobody builds by hand."""

from __future__ import annotations

import base64

from lungwise.errors import Rejected


def encode_cursor(name: str, position: str) -> str:
    """Write a position in the list of that name as a cursor."""
    return base64.urlsafe_b64encode(f"{name} {position}".encode()).decode().rstrip("=")


def decode_cursor(name: str, cursor: str | None) -> str:
    """Return the position that a cursor stands for; empty at the beginning of the list.

    Raises
    ------
    Rejected
        If it is not a cursor of this list.
    """
    if cursor is None:
        return ""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    position = text.partition(" ")[2]
    if encode_cursor(name, position) != cursor:
        raise Rejected("This cursor does not belong to this list. Start the list again without one.")
    return position
