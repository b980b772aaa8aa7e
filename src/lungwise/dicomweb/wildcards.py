"""Matching with wildcards (PS3.4, C.2.2.2.4): `*` is any number of letters, `?` is one."""

from __future__ import annotations

from lungwise.errors import Rejected

MOST = 16
"""Wildcards in one value."""
LONGEST = 256
"""Letters of one value that is searched for; a list of UIDs may be longer."""


def is_wild(pattern: str) -> bool:
    """Say whether a value holds wildcards."""
    return "*" in pattern or "?" in pattern


def check(pattern: str) -> None:
    """Take a value to search for only within its bounds.

    Raises
    ------
    Rejected
        If it is too long, or holds too many wildcards.
    """
    if len(pattern) > LONGEST:
        raise Rejected(f"A value to search for has {LONGEST} letters at most.")
    if pattern.count("*") + pattern.count("?") > MOST:
        raise Rejected(f"A value to search for has {MOST} wildcards at most.")


def matches(text: str, pattern: str) -> bool:
    """Say whether a text is what a pattern describes, in one pass over the text.

    All places of the pattern that the text so far can have led to are walked on together, as the bits of
    one number (Baeza-Yates and Gonnet, 1992): nothing is ever tried again.
    """
    letters = pattern.replace("*", "")
    repeats = _repeats(pattern)
    fits = {letter: _places(letters, letter) for letter in set(text)}
    reached = 1
    for letter in text:
        reached = ((reached & fits[letter]) << 1) | (reached & repeats)
    return bool(reached >> len(letters) & 1)


def _repeats(pattern: str) -> int:
    """Mark the places, counted in letters matched, at which `*` lets any letter pass."""
    marks, place = 0, 0
    for letter in pattern:
        if letter == "*":
            marks |= 1 << place
        else:
            place += 1
    return marks


def _places(letters: str, letter: str) -> int:
    return sum(1 << place for place, own in enumerate(letters) if own in (letter, "?"))
