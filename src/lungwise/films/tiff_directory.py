"""The directories of a TIFF, walked and bounded before Pillow makes an object of each of their values (TIFF 6.0)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lungwise.films.limits import MAX_PIXELS, MIN_SIDE, damaged, several_frames, too_many_parts
from lungwise.films.refusals import Refusal

_BIG = 43
_ONE_VALUE = {1, 2, 7}  # bytes, text and what is undefined
_MAX_ENTRIES = 4096
_MAX_VALUES = 2 * MAX_PIXELS // MIN_SIDE + 2**16  # offset and size of strips of one line each, and the rest
_MAX_PAGES = 64
_MAX_SHARED_BYTES = 2 * MAX_PIXELS  # some programs count the bytes of a strip as they were before they were packed
_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT = 254, 255, 256, 257
_SHORT = 3
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2
_COMPRESSION, _JPEG = 259, (6, 7)
_TILE_WIDTH, _TILE_HEIGHT, _TILE_GRANULE = 322, 323, 1024
_STRIP_BYTES, _TILE_BYTES = 279, 325
_MEASURES = {_WIDTH, _HEIGHT, _COMPRESSION, _STRIP_BYTES, _TILE_BYTES, _TILE_WIDTH, _TILE_HEIGHT}
_WHOLE_NUMBERS = {3, 4, 16}  # of 16, 32 and 64 bits


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the directories are written: 32-bit offsets, or 64-bit ones."""

    order: str
    first: int
    offset: str
    count: str
    entry: str

    @classmethod
    def of(cls, data: bytes) -> _Layout:
        order = "<" if data.startswith(b"II") else ">"
        if data[2] == _BIG:
            return cls(order, 8, order + "Q", order + "Q", order + "HHQ8s")
        return cls(order, 4, order + "I", order + "H", order + "HHI4s")

    def number(self, form: str, data: bytes, at: int) -> int:
        return int(struct.unpack_from(form, data, at)[0])


def film_page(data: bytes) -> bytes:
    """Return the TIFF with its film as the first page: thumbnails and masks are not films of their own.

    Raises
    ------
    Refusal
        `damaged`, if a directory has more entries or values than any film has, or measures that decoders may
        understand differently; `several-frames`.
    struct.error
        If it ends inside a directory.
    """
    if data.startswith(b"MM\0+"):
        raise Refusal("unsupported", {"detail": "kind", "kind": "TIFF"})
    layout = _Layout.of(data)
    pages = list(_pages(data, layout))
    if not pages:
        raise damaged("header")
    films = [start for start, beside in pages if not beside] or [pages[0][0]]
    if len(films) > 1:
        raise several_frames()
    if films[0] == pages[0][0]:
        return data
    after = layout.first + struct.calcsize(layout.offset)
    return data[: layout.first] + struct.pack(layout.offset, films[0]) + data[after:]


def walked_samples(tags: Mapping[int, Any], file_bytes: int) -> int:
    """Return how many samples decoding walks at the most, by the tags of a film's directory.

    Tiles reach beyond the picture, and strips that share their bytes have a decoder walk these again and again.

    Raises
    ------
    Refusal
        `damaged`, if a tile is larger than the picture, or strips share more bytes than a careless program counts.
    """
    width, height = tags[_WIDTH], tags[_HEIGHT]
    samples = _tiled(width, tags.get(_TILE_WIDTH, width)) * _tiled(height, tags.get(_TILE_HEIGHT, height))
    shared = sum(sum(tags.get(tag, ())) for tag in (_STRIP_BYTES, _TILE_BYTES)) - file_bytes
    if shared > _MAX_SHARED_BYTES:
        raise too_many_parts("bytes of strips")
    if tags.get(_COMPRESSION) in _JPEG:  # its codes alone tell how many scans walk all of it
        return MAX_PIXELS
    return samples + max(0, shared)


def _tiled(side: int, tile: int) -> int:
    """Return the side of a picture with its tiles whole."""
    if not 0 < tile <= _granules(side, _TILE_GRANULE):
        raise too_many_parts("pixels of a tile")
    return _granules(side, tile)


def _granules(side: int, granule: int) -> int:
    """Round up to whole granules."""
    return -(-side // granule) * granule


def _pages(data: bytes, layout: _Layout) -> Iterator[tuple[int, bool]]:
    """Yield where each directory starts, and whether it is of a picture beside the film.

    They end at the first that is not of a picture, and where they run in a circle.
    """
    start = layout.number(layout.offset, data, layout.first)
    seen: set[int] = set()
    while start and start not in seen and len(seen) < _MAX_PAGES:
        if seen and start + struct.calcsize(layout.count) > len(data):
            return
        table, end = _table(data, start, layout)
        is_picture, lies_beside = _page(table, layout)
        if seen and not is_picture:
            return
        seen.add(start)
        yield start, lies_beside
        if end + struct.calcsize(layout.offset) > len(data):
            return
        start = layout.number(layout.offset, data, end)


def _table(data: bytes, start: int, layout: _Layout) -> tuple[bytes, int]:
    """Return the entries of a directory, and where they end."""
    entries = layout.number(layout.count, data, start)
    if entries > _MAX_ENTRIES:
        raise too_many_parts("entries")
    first = start + struct.calcsize(layout.count)
    end = first + entries * struct.calcsize(layout.entry)
    return data[first:end], end


def _page(table: bytes, layout: _Layout) -> tuple[bool, bool]:
    """Return whether a directory is of a picture, and whether of one beside the film: a smaller copy, or a mask."""
    size = struct.calcsize(layout.entry)
    entries = list(struct.iter_unpack(layout.entry, table[: len(table) // size * size]))
    if sum(count for _, kind, count, _ in entries if kind not in _ONE_VALUE) > _MAX_VALUES:
        raise too_many_parts("values")
    measures = [(tag, kind) for tag, kind, *_ in entries if tag in _MEASURES]
    is_picture = {_WIDTH, _HEIGHT} <= {tag for tag, _ in measures}
    if is_picture and (len(dict(measures)) < len(measures) or {kind for _, kind in measures} - _WHOLE_NUMBERS):
        raise damaged("header")
    beside = False
    for tag, kind, count, value in entries:
        if tag in (_SUBFILE, _OLD_SUBFILE) and count == 1:
            number = layout.number(layout.order + ("H" if kind == _SHORT else "I"), value, 0)
            beside |= bool(number & (_REDUCED | _MASK)) if tag == _SUBFILE else number == _OLD_REDUCED
    return is_picture, beside
