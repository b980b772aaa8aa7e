"""What may come from outside: the lengths and ranges that every face holds to."""

from __future__ import annotations

import re
from ipaddress import ip_address

from lungwise.errors import Rejected

LINE = 120
"""Letters of a name or another line."""
_LONGEST_ADDRESS = 45
_ROW = re.compile("[0-9]{1,18}")  # any of them is within what a database takes for a number


def row_number(text: str | None) -> int | None:
    """Read where a list goes on: the number of a row, or none where nothing is said.

    Raises
    ------
    Rejected
        If it is no such number.
    """
    if not text:
        return None
    if not _ROW.fullmatch(text):
        raise Rejected("This page of the list is not there. Begin the list anew.")
    return int(text)


def network_address(text: str | None) -> str:
    """Give a network address as it is kept; '' for what is none."""
    try:
        ip_address(text or "")
    except ValueError:
        return ""
    return text if text and len(text) <= _LONGEST_ADDRESS else ""


def is_text(text: str, longest: int) -> bool:
    """Say whether a text is short enough, and can be kept and written: no control signs, no halves of letters."""
    if len(text) > longest:
        return False
    return not any((ord(letter) < 32 and letter not in "\t\r\n") or "\ud800" <= letter <= "\udfff" for letter in text)


def harmless_cell(text: str) -> str:
    """Keep a spreadsheet from taking a name for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
