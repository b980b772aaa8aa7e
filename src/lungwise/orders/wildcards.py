"""Matching with wildcards (PS3.4, C.2.2.2.4): `*` is any number of letters, `?` is one."""

from __future__ import annotations

from lungwise.errors import Rejected

MOST_WILDCARDS = 16
LONGEST_VALUE = 256
"""Letters of one value to search for; a list of UIDs may be longer."""


def is_wild(pattern: str) -> bool:
    """Return whether a value has wildcards."""
    return "*" in pattern or "?" in pattern


def check(pattern: str) -> None:
    """Check that a value to search for is within its limits.

    Raises
    ------
    Rejected
        If it is too long, or has too many wildcards.
    """
    if len(pattern) > LONGEST_VALUE:
        raise Rejected(f"A value to search for has {LONGEST_VALUE} letters at most.")
    if pattern.count("*") + pattern.count("?") > MOST_WILDCARDS:
        raise Rejected(f"A value to search for has {MOST_WILDCARDS} wildcards at most.")


def matches(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern, in one pass over the text.

    All positions in the pattern that the text so far can have led to are advanced together, as the bits of one
    number (Baeza-Yates and Gonnet, 1992): nothing is tried twice.
    """
    letters = pattern.replace("*", "")
    repeats = _repeats(pattern)
    fits = {letter: _positions(letters, letter) for letter in set(text)}
    reached = 1
    for letter in text:
        reached = ((reached & fits[letter]) << 1) | (reached & repeats)
    return bool(reached >> len(letters) & 1)


def _repeats(pattern: str) -> int:
    """Mark the positions, counted in letters matched, at which `*` lets any letter pass."""
    marks, position = 0, 0
    for letter in pattern:
        if letter == "*":
            marks |= 1 << position
        else:
            position += 1
    return marks


def _positions(letters: str, letter: str) -> int:
    return sum(1 << position for position, own in enumerate(letters) if own in (letter, "?"))
