"""The directory of a TIFF, bounded before Pillow makes an object of each of its values (TIFF 6.0, section 2)."""

from __future__ import annotations

import struct

from lungwise.films.limits import MAX_PIXELS, MIN_SIDE, damaged

_BIG = 43
_ONE_VALUE = {1, 2, 7}  # bytes, text and what is undefined
_MOST_ENTRIES = 4096
_MOST_VALUES = 2 * MAX_PIXELS // MIN_SIDE + 2**16  # offset and size of every strip, were each one line, and the rest


def check_directory(data: bytes) -> None:
    """Refuse a first directory of more entries or values than any film has; bytes and texts stay one value each.

    Raises
    ------
    Refusal
        `damaged`.
    """
    order = "<" if data.startswith(b"II") else ">"
    big = data[2] == _BIG  # as Pillow does, which knows 64-bit offsets in little-endian order only
    head, entry = (order + "Q", order + "HHQ8x") if big else (order + "H", order + "HHI4x")
    (start,) = struct.unpack_from(order + ("8xQ" if big else "4xI"), data)
    (entries,) = struct.unpack_from(head, data, start)
    if entries > _MOST_ENTRIES:
        raise damaged("its directory has more entries than any film")
    start += struct.calcsize(head)
    table = data[start : start + entries * struct.calcsize(entry)]
    if sum(count for _, kind, count in struct.iter_unpack(entry, table) if kind not in _ONE_VALUE) > _MOST_VALUES:
        raise damaged("its directory has more values than any film")
