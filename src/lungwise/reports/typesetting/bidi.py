"""In which order the letters of a line stand (Unicode Standard Annex #9; isolates, but no explicit embeddings)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby

from lungwise.text_direction import END_OF_ISOLATE, ISOLATE, ISOLATE_MARKS

_STRONG = {"L": 0, "R": 1, "AL": 1}
_NEUTRAL = ("B", "S", "WS", "ON")
_OBJECT = "\ufffc"
"""As which a line sees each letter of what is isolated in it: a neutral one."""
_ISOLATED = re.compile(
    f"(?:{ISOLATE}|^(?=[^{ISOLATE_MARKS}]*{END_OF_ISOLATE}))([^{ISOLATE_MARKS}]*)(?:{END_OF_ISOLATE}|$)"
)
"""An isolate, without others in it. One that a line's end divides begins or ends with the line."""


def is_right_to_left(text: str) -> bool:
    """Return whether a paragraph runs from right to left: its first letter outside isolates says so (P2, P3)."""
    kinds = map(unicodedata.bidirectional, _ISOLATED.sub("", text))
    return next((bool(_STRONG[kind]) for kind in kinds if kind in _STRONG), False)


def levels(text: str, base: int) -> list[int]:
    """Return each letter's level: odd ones run from right to left."""
    found = _levels(_ISOLATED.sub(lambda isolate: _OBJECT * len(isolate[0]), text), base)
    for isolate in _ISOLATED.finditer(text):
        inner = int(is_right_to_left(isolate[1]))
        deeper = base + (1 if base % 2 != inner else 2) - inner
        found[slice(*isolate.span(1))] = [deeper + level for level in _levels(isolate[1], inner)]
    return found


def _levels(text: str, base: int) -> list[int]:
    kinds = _resolved_neutrals(
        _resolved_weak([unicodedata.bidirectional(letter) or "L" for letter in text], base), base
    )
    found = [_level(kind, base) for kind in kinds]
    for at in range(len(text) - 1, -1, -1):  # spaces at the end of a line stand at its end (L1)
        if not text[at].isspace():
            break
        found[at] = base
    return found


def in_visual_order(found: Sequence[int]) -> list[int]:
    """Return the places of levels from left to right (L2)."""
    order = list(range(len(found)))
    for level in range(max(found, default=0), 0, -1):
        at, is_high = 0, [one >= level for one in found]
        for high, run in groupby(order, is_high.__getitem__):
            length = len(list(run))
            if high:
                order[at : at + length] = reversed(order[at : at + length])
            at += length
    return order


def _level(kind: str, base: int) -> int:
    """Return a level of what is L, R or a number (I1, I2)."""
    if base == 0:
        return {"L": 0, "R": 1}.get(kind, 2)
    return 1 if kind == "R" else 2


def _resolved_weak(kinds: list[str], base: int) -> list[str]:
    """Give numbers, and the signs and marks beside them, the direction of what is around them (W1 to W7)."""
    start = "R" if base else "L"
    _resolve_marks(kinds, start)
    _join_numbers(kinds)
    strong = start
    for at, kind in enumerate(kinds):
        if kind in ("ES", "ET", "CS"):
            kinds[at] = "ON"
        elif kind in _STRONG:
            strong = kinds[at] = "R" if kind == "AL" else kind
        elif kind == "EN" and strong == "L":
            kinds[at] = "L"
    return kinds


def _resolve_marks(kinds: list[str], start: str) -> None:
    """Let marks go with their letter, and digits after Arabic letters be Arabic (W1, W2)."""
    before = strong = start
    for at, kind in enumerate(kinds):
        if kind in ("NSM", "BN"):
            kinds[at] = kind = before
        if kind == "EN" and strong == "AL":
            kinds[at] = "AN"
        if kind in _STRONG:
            strong = kind
        before = kinds[at]


def _join_numbers(kinds: list[str]) -> None:
    """Let separators between numbers, and signs beside them, belong to the number (W4, W5)."""
    for at in range(1, len(kinds) - 1):
        around = kinds[at - 1], kinds[at + 1]
        if around == ("EN", "EN") and kinds[at] in ("ES", "CS"):
            kinds[at] = "EN"
        elif around == ("AN", "AN") and kinds[at] == "CS":
            kinds[at] = "AN"
    at = 0
    for kind, run in groupby(list(kinds)):
        length = len(list(run))
        if kind == "ET" and "EN" in (kinds[at - 1] if at else "", *kinds[at + length : at + length + 1]):
            kinds[at : at + length] = ["EN"] * length
        at += length


def _resolved_neutrals(kinds: list[str], base: int) -> list[str]:
    """Give spaces and punctuation the direction of both sides, else the paragraph's (N1, N2)."""
    start, at = "R" if base else "L", 0
    for neutral, run in groupby(list(kinds), lambda kind: kind in _NEUTRAL):
        length = len(list(run))
        if neutral:
            left = _side(kinds[at - 1]) if at else start
            right = _side(kinds[at + length]) if at + length < len(kinds) else start
            kinds[at : at + length] = [left if left == right else start] * length
        at += length
    return kinds


def _side(kind: str) -> str:
    return "L" if kind == "L" else "R"
