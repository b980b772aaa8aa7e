"""The findings that a study's headline names, as its row keeps them for lists and counts."""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations
from typing import Final

from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.pattern import NORMAL

_LISTED: Final = tuple(name for name in FINDING_NAMES if name != NORMAL)
_BETWEEN: Final = "|"


def stored_names(names: Collection[str]) -> str:
    """Write findings as a row keeps them: in the order of the list of findings, without those that it lacks."""
    return _BETWEEN.join(name for name in _LISTED if name in names)


def names_in(stored: str) -> list[str]:
    """Return the findings that a row keeps."""
    return stored.split(_BETWEEN) if stored else []


def values_with(finding: str) -> list[str]:
    """Return each value of a row that names a finding, whatever it names beside: an index is sought by whole values."""
    sets = (some for count in range(len(_LISTED) + 1) for some in combinations(_LISTED, count))
    return [stored_names(some) for some in sets if finding in some]
