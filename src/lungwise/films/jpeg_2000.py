"""The headers of a JPEG 2000 codestream, checked before its decoder sees it (ITU-T T.800, annex A).

The decoder keeps books on every block and precinct that a header declares, so a small frame
could ask for more memory and time than any film.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from lungwise.films.limits import damaged

_CODING_STYLE, _COMPONENT_STYLE, _START_OF_TILE_PART = 0xFF52, 0xFF53, 0xFF90
_START_OF_DATA = 0xFF93
_SEGMENTS = {0xFF00 | n for n in (*range(0x50, 0x54), 0x55, *range(0x57, 0x5A), *range(0x5C, 0x62), 0x63, 0x64, 0x90)}
_MOST_SEGMENTS, _MOST_BLOCKS, _MOST_PRECINCTS = 2**18, 2**20, 2**16


def check_partitions(frame: bytes, values: int) -> None:
    """Refuse partitions so fine that their bookkeeping outgrows the film's `values` samples.

    Every header counts: that of a tile-part overrides the main one, and a component's that of all.

    Raises
    ------
    Refusal
        `damaged`.
    """
    styles = 0
    segments = _segments(frame)
    for marker, body in islice(segments, _MOST_SEGMENTS):
        if marker == _CODING_STYLE and len(body) >= 10:
            styles += 1
            _check_style(body[0], body[5:], values)
        elif marker == _COMPONENT_STYLE and len(body) >= 7:
            _check_style(body[1], body[2:], values)
    if not styles:
        raise damaged("its compressed pixels have no header")
    if next(segments, None):
        raise damaged("its compressed pixels have more headers than any film")


def _segments(frame: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of every segment in the main header and in those of the tile-parts."""
    at, part_end = 2, len(frame)
    while at + 4 <= len(frame):
        marker, length = struct.unpack_from(">HH", frame, at)
        if marker == _START_OF_DATA and part_end > at:
            at = part_end
            if frame[at : at + 2] != _START_OF_TILE_PART.to_bytes(2, "big"):
                return  # the end; the decoder takes nothing else here
            continue
        body = frame[at + 4 : at + 2 + length]
        if marker not in _SEGMENTS or len(body) != length - 2:
            raise damaged("the headers of its compressed pixels are broken")
        if marker == _START_OF_TILE_PART:
            size = int.from_bytes(body[2:6], "big")
            part_end = at + size if size else len(frame)
        yield marker, body
        at += 2 + length


def _check_style(style: int, parameters: bytes, values: int) -> None:
    levels, width, height = parameters[:3]
    if values >> ((width & 15) + (height & 15) + 4) > _MOST_BLOCKS:
        raise damaged("its compressed pixels are cut into more blocks than any film")
    precincts = parameters[5 : 6 + levels] if style & 1 else b""
    for level, sides in enumerate(reversed(precincts)):
        if values >> (2 * level + (sides & 15) + (sides >> 4)) > _MOST_PRECINCTS:
            raise damaged("its compressed pixels are cut into more precincts than any film")
