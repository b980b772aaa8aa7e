"""What may come from outside: the lengths and ranges that all faces share."""

from __future__ import annotations

import re
import unicodedata
from ipaddress import ip_address

from lungwise.errors import Conflict, Rejected

MOST_WEEKS = 104
"""Weeks that are counted at once."""
LINE = 120
"""Characters of a name or another line."""
UID = re.compile(r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+", re.ASCII)
"""A UID as PS3.5, 9 writes it."""
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
        raise Rejected("This list has no such page. Go back to its first page.")
    return int(text)


def folded_name(name: str) -> str:
    """Return a name without what readers do not tell apart: case, spaces, width, and signs that are not seen."""
    seen = (sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign) != "Cf")
    return "".join("".join(seen).casefold().split())


def refuse_overwriting(known: object, present: object, wanted: object) -> None:
    """Refuse to replace a record that is another by now than the one that was known.

    `known` is None where nobody says what was known. What is there already overwrites nothing.

    Raises
    ------
    Conflict
        If somebody else has changed what was known.
    """
    if known is not None and present not in (known, wanted):
        raise Conflict("Someone else changed this first.")


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


DHIS2_UID = "[A-Za-z][A-Za-z0-9]{10}"
"""The form of an identifier of DHIS2."""
DHIS2_COUNTS = (
    *("films", "refusals", "covid_positives", "tuberculosis_positives"),
    *("pcr_tests", "pcr_found", "tuberculosis_tests", "tuberculosis_found"),
)
"""What a clinic's weeks count, by the names that a data element of DHIS2 is set for."""


def dhis2_identifiers(text: str) -> dict[str, str]:
    """Split a text, as `films=aBcDeFgHiJ1, refusals=...`, into identifiers by name; one without has the empty name.

    Raises
    ------
    ValueError
        If one has not the form of an identifier.
    """
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, uid = part.rpartition("=")
        if not re.fullmatch(DHIS2_UID, uid.strip()):
            raise ValueError(f"{uid.strip()} is not one of DHIS2's identifiers, which are 11 letters and digits")
        found[name.strip()] = uid.strip()
    return found


def only_identifiers(text: str) -> str:
    """Require identifiers of DHIS2; see `dhis2_identifiers`."""
    dhis2_identifiers(text)
    return text


def only_data_elements(text: str) -> str:
    """Require identifiers of DHIS2 for what is counted; see `dhis2_identifiers`."""
    unknown = [name for name in dhis2_identifiers(text) if name not in DHIS2_COUNTS]
    if unknown:
        raise ValueError(f"There is no count {unknown[0] or 'without a name'}. Choose: {', '.join(DHIS2_COUNTS)}")
    return text
