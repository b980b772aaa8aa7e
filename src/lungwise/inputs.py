"""What may come from outside: the lengths and ranges that all faces share."""

from __future__ import annotations

import re
from ipaddress import ip_address

from lungwise.errors import Rejected

LINE = 120
"""Characters of a name or another line."""
_ADDRESS_CHARACTERS = 45
_ROW = re.compile("[0-9]{1,18}")  # all of them fit a database's numbers


def row_number(text: str | None) -> int | None:
    """Parse the number of the row at which a list goes on; None if nothing is given.

    Raises
    ------
    Rejected
        If it is not such a number.
    """
    if not text:
        return None
    if not _ROW.fullmatch(text):
        raise Rejected("There is no such page of this list. Go back to its first page.")
    return int(text)


def network_address(text: str | None) -> str:
    """Return a network address; '' for what is not one."""
    try:
        ip_address(text or "")
    except ValueError:
        return ""
    return text if text and len(text) <= _ADDRESS_CHARACTERS else ""


def is_text(text: str, longest: int) -> bool:
    """Return whether a text is short enough, and has no control characters and no lone surrogates."""
    if len(text) > longest:
        return False
    return not any((ord(letter) < 32 and letter not in "\t\r\n") or "\ud800" <= letter <= "\udfff" for letter in text)


def harmless_cell(text: str) -> str:
    """Keep a spreadsheet from taking a name for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
