"""The level of white, where a file declares more bits than its values have."""

from __future__ import annotations

_DEPTHS = (8, 10, 12, 14, 16)
"""Bits that detectors have."""


def white_level(greatest: float, bits: int) -> float:
    """Return the level of white: of the fewest bits that a detector has and that hold the greatest value.

    Programs write the values of 12 bits to files of 16, and declare 16.

    Parameters
    ----------
    greatest
        The greatest value that occurs.
    bits
        How many are declared.
    """
    fewest = next((depth for depth in _DEPTHS if greatest < 1 << depth), _DEPTHS[-1])
    return float((1 << min(fewest, max(bits, 1))) - 1)
