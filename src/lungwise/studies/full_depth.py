"""A film's numbers for the viewer: a line of JSON, and then every value, packed so that it travels well.

Neighbouring values of a row differ little. So each value is sent as its difference to the one before, the sign in the
lowest bit, first the low byte of all of them and then the high byte, which gzip packs to about half of the film.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from lungwise.films.dicom.full_depth import FullDepth, reduced
from lungwise.studies.pictures import upright

SIDES = (1600, 3072)
"""Longest sides, in pixels, in which a film's numbers are given: as its picture, and for looking closer."""
_PACKING = 4
"""Of gzip's levels the one that packs well and still takes a tenth of a second."""


def as_shown(depth: FullDepth, side: int, quarter_turns: int) -> FullDepth:
    """Make a film's numbers no larger than `side`, and turn them upright."""
    return replace(depth, values=upright(reduced(depth.values, side), quarter_turns))


def encoded(depth: FullDepth) -> bytes:
    """Write a film's numbers for the viewer."""
    rows, columns = depth.values.shape
    about = {name: fact for name, fact in asdict(replace(depth, values=depth.values[:0])).items() if name != "values"}
    head = json.dumps({"rows": rows, "columns": columns} | about, separators=(",", ":"), allow_nan=False)
    return head.encode() + b"\n" + _planes(depth.values)


def packed(data: bytes) -> bytes:
    """Compress what is sent."""
    return gzip.compress(data, _PACKING, mtime=0)


def _planes(values: NDArray[np.uint16]) -> bytes:
    steps = np.diff(values, axis=1, prepend=np.uint16(0)).view(np.int16)
    words = (steps << 1 ^ steps >> 15).view(np.uint16)
    return (words & 0xFF).astype(np.uint8).tobytes() + (words >> 8).astype(np.uint8).tobytes()
