"""Numbers as a person reads them: no finer than they are, and never at odds with what is said beside them."""

from __future__ import annotations

from typing import Final

FINEST: Final = 4
"""The most decimals that any number is written with."""
_TENS: Final = (10, 100, 1000, 10_000, 100_000, 1_000_000)
_WHOLES: Final = (2, 3, 4, 5, 10, 20, 50, *_TENS[1:])
"""Of so many a share is said to be a part, and of so many one that is none or all."""
_OF_NONE_OR_ALL: Final = 1000


def decimals_apart(*numbers: float, fewest: int = 0) -> int:
    """Return the fewest decimals with which numbers that differ are written differently.

    So a number beside a limit is seen to lie on its side of it. What four decimals do not tell apart looks equal.
    """
    different = len(set(numbers))
    return next((n for n in range(fewest, FINEST) if len({f"{one:.{n}f}" for one in numbers}) == different), FINEST)


def percent(probability: float | None, decimals: int = 0) -> str:
    """Write a probability, which is never said to be none or all."""
    if probability is None:
        return ""
    points, step = probability * 100, 10**-decimals
    if points < step:
        return f"< {step:.{decimals}f} %"
    return f"> {100 - step:.{decimals}f} %" if points > 100 - step else f"{points:.{decimals}f} %"


def share(value: float) -> str:
    """Write a share that was counted: 0 % of none and 100 % of all, but of nothing between."""
    return f"{value * 100:.0f} %" if value in {0, 1} else percent(value)


def in_words(value: float) -> dict[str, int]:
    """Return a share as so many of so many, in the smallest round numbers that come near it."""
    wholes = _WHOLES if 0 < value < 1 else (_OF_NONE_OR_ALL,)
    for whole in wholes:
        part = _part(value, whole)
        if abs(part / whole - value) <= min(value, 1 - value) / 20:
            break
    return {"part": part, "whole": whole}


def of_ten(value: float) -> tuple[int, int]:
    """Return a share as so many of ten; of a hundred, a thousand or more where ten would say none or all."""
    wholes = _TENS if 0 < value < 1 else (_OF_NONE_OR_ALL,)
    whole = next((one for one in wholes if 0 < round(value * one) < one), wholes[-1])
    return _part(value, whole), whole


def _part(value: float, whole: int) -> int:
    """Return how many of so many a share is: none or all only where it is."""
    return min(max(round(value * whole), 1), whole - 1) if 0 < value < 1 else round(value * whole)
