"""The one form in which an e-mail address is stored, looked up, and counted where a sign-in fails."""

from __future__ import annotations

import unicodedata

from email_validator import validate_email

from lungwise.errors import Rejected


def normalised_email(typed: str) -> str | None:
    """Return the address that all spellings of it share; None if it is not an address.

    Blanks around it, capitals, and the spellings of a domain that IDNA holds equal (full-width signs,
    other full stops, punycode) do not make another address.
    """
    try:
        address = validate_email(typed.strip(), check_deliverability=False).normalized
    except ValueError:
        return None
    return unicodedata.normalize("NFC", address.lower())


def valid_email(typed: str) -> str:
    """Return a normalised address.

    Raises
    ------
    Rejected
        If it is not an address.
    """
    address = normalised_email(typed)
    if address is None:
        raise Rejected("This is not an e-mail address.")
    return address
