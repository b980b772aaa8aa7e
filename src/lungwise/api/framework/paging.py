"""Cursors: where a list goes on, in a form that nobody builds by hand."""

from __future__ import annotations

import base64

from lungwise.errors import Rejected


def cursor_of(name: str, place: str) -> str:
    """Write a place in the list of that name."""
    return base64.urlsafe_b64encode(f"{name} {place}".encode()).decode().rstrip("=")


def place_of(name: str, cursor: str | None) -> str:
    """Read a cursor; empty at the beginning of the list.

    Raises
    ------
    Rejected
        If it is none of this list's.
    """
    if cursor is None:
        return ""
    try:
        list_, _, place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition(" ")
    except ValueError:
        list_ = place = ""
    if list_ != name or cursor_of(name, place) != cursor:
        raise Rejected("This cursor is not of this list. Begin it anew, without one.")
    return place
