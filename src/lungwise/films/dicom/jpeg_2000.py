"""The headers of a JPEG 2000 codestream, checked before its decoder sees it (ITU-T T.800, annex A).

The decoder keeps books on every block and precinct that a header declares, so a small frame
could ask for more memory and time than any film.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from lungwise.films.limits import damaged, too_many_parts

_CODING_STYLE, _COMPONENT_STYLE, _START_OF_TILE_PART = 0xFF52, 0xFF53, 0xFF90
_START_OF_DATA, _END = 0xFF93, b"\xff\xd9"
_SEGMENTS = {0xFF00 | n for n in (*range(0x50, 0x54), 0x55, *range(0x57, 0x5A), *range(0x5C, 0x62), 0x63, 0x64, 0x90)}
_MAX_SEGMENTS, _MAX_BLOCKS, _MAX_PRECINCTS = 2**18, 2**20, 2**16


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
    for _at, marker, body in islice(segments, _MAX_SEGMENTS):
        if marker == _CODING_STYLE and len(body) >= 10:
            styles += 1
            _check_style(body[0], body[5:], values)
        elif marker == _COMPONENT_STYLE and len(body) >= 7:
            _check_style(body[1], body[2:], values)
    if not styles:
        raise damaged("no-header")
    if next(segments, None):
        raise damaged("headers")


def ended_codestream(frame: bytes) -> bytes:
    """Return the codestream with its end; without an end marker its tile-parts tell whether it is complete.

    Raises
    ------
    Refusal
        `damaged`, if it was cut: its decoder would make up the rest.
    """
    trimmed = frame.rstrip(b"\0")  # as DICOM pads it
    if _END in trimmed[-16:]:
        return trimmed
    end = _end_of_tile_parts(frame)
    if end is None:
        raise damaged("cut")
    return frame[:end] + _END


def _end_of_tile_parts(frame: bytes) -> int | None:
    """Return where the last tile-part ends, if every part of every tile is there (T.800, A.4.2)."""
    parts: dict[int, set[int]] = {}
    counts: dict[int, int] = {}
    end = 0
    for at, marker, body in islice(_segments(frame), _MAX_SEGMENTS):
        if marker != _START_OF_TILE_PART or len(body) < 8:
            continue
        tile, size, part, count = struct.unpack_from(">HIBB", body)
        parts.setdefault(tile, set()).add(part)
        counts[tile] = max(count, counts.get(tile, 0))
        end = at + size if size else len(frame) + 1
    complete = len(parts) == _tiles(frame) and all(0 < counts[tile] == len(parts[tile]) for tile in parts)
    return end if complete and end <= len(frame) else None


def _tiles(frame: bytes) -> int:
    right, bottom, _x, _y, width, height, left, top = map(int, struct.unpack_from(">8I", frame, 8))
    if not width or not height:
        return 0
    return -(-(right - left) // width) * -(-(bottom - top) // height)


def _segments(frame: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Place, marker and content of every segment in the main header and in those of the tile-parts."""
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
            raise damaged("header")
        if marker == _START_OF_TILE_PART:
            size = int.from_bytes(body[2:6], "big")
            part_end = at + size if size else len(frame)
        yield at, marker, body
        at += 2 + length


def _check_style(style: int, parameters: bytes, values: int) -> None:
    levels, width, height = parameters[:3]
    if values >> ((width & 15) + (height & 15) + 4) > _MAX_BLOCKS:
        raise too_many_parts("blocks")
    precincts = parameters[5 : 6 + levels] if style & 1 else b""
    for level, sides in enumerate(reversed(precincts)):
        if values >> (2 * level + (sides & 15) + (sides >> 4)) > _MAX_PRECINCTS:
            raise too_many_parts("precincts")
