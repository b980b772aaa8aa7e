"""Who sends the present request."""

from __future__ import annotations

from typing import cast

from flask import g
from flask_login import current_user

from lungwise.access import Person


def person() -> Person:
    """Return the person who is signed in, or for whom a token's program acts."""
    return cast("Person | None", g.get("person")) or cast(Person, current_user.person)


def is_known() -> bool:
    """Return whether somebody is signed in, or a token's program acts."""
    return g.get("person") is not None or bool(current_user and current_user.is_authenticated)
