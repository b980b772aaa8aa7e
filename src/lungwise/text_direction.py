"""Names in scripts that run from right to left, beside words and numbers that run from left to right.

Beside an Arabic or Hebrew name, a line turns the parts of a number round: 45-2031 is seen as 2031-45, and 1980-02-03 as
03-02-1980. An isolated name leaves what stands around it alone (Unicode Standard Annex #9, 2.7).
"""

from __future__ import annotations

import unicodedata

ISOLATE, END_OF_ISOLATE = "\u2068", "\u2069"
"""What is isolated stands between these two: FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE."""
ISOLATE_MARKS = ISOLATE + END_OF_ISOLATE


def isolated(text: str) -> str:
    """Isolate a text of which a part runs from right to left; any other stays as it is."""
    return f"{ISOLATE}{text}{END_OF_ISOLATE}" if turns_neighbours(text) else text


def turns_neighbours(text: str) -> bool:
    """Return whether a text holds letters or numbers that run from right to left, and turn what is beside them."""
    return not text.isascii() and any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in text)
