"""The chunks of a PNG that its picture needs, read with bounds (PNG, third edition, sections 5 and 13).

A critical chunk must be right to the bit. What lies beside the picture - texts, profiles, times,
sizes in print - is left out before the decoder sees it, since it may be broken, or inflate to
more memory than the picture, and tells nothing about the pixels.
"""

from __future__ import annotations

import struct
import zlib

from lungwise.films.limits import damaged, several_frames, too_many_parts

_START = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"
_FRAME = 12
"""Length, kind and checksum of a chunk."""

_MAX_CHUNKS = 2**17
_MAX_BESIDE_BYTES = 2**20
_TRANSPARENCY, _EXIF, _ANIMATION = b"tRNS", b"eXIf", b"acTL"
_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
_ORIENTATION_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")


def picture_chunks(png: bytes) -> bytes:
    """Return the PNG with only those chunks that hold its picture and its orientation.

    Raises
    ------
    Refusal
        `damaged`, if a chunk of the picture is broken or missing; `several-frames`.
    """
    kept = [_START]
    at, kind = len(_START), b""
    for _ in range(_MAX_CHUNKS):
        length, kind = _head(png, at)
        end = at + _FRAME + length
        if end > len(png):
            break
        _keep(kept, kind, png[at:end])
        at = end
        if kind == b"IEND":
            break
    else:
        raise too_many_parts("chunks")
    if kind != b"IEND":  # missing pixels are their decoder's to report
        if kind[:1].isupper():
            raise damaged("cut")
        kept.append(_END)
    return b"".join(kept)


def _head(png: bytes, at: int) -> tuple[int, bytes]:
    if at + 8 > len(png):
        return len(png), b""
    length, kind = struct.unpack_from(">I4s", png, at)
    return length, kind


def _keep(kept: list[bytes], kind: bytes, chunk: bytes) -> None:
    sound = zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
    if kind[:1].isupper():
        if not sound:
            raise damaged("checksum")
        kept.append(chunk)
    elif sound and _is_of_use(kind, memoryview(chunk)[8:-4]):
        kept.append(chunk)


def _is_of_use(kind: bytes, body: memoryview) -> bool:
    if kind == _ANIMATION and int.from_bytes(body[:4], "big") > 1:
        raise several_frames()
    if kind in _TEXTS:
        return len(body) <= _MAX_BESIDE_BYTES and _may_orient(kind, bytes(body))
    return (kind == _TRANSPARENCY and len(body) > 0) or (kind == _EXIF and len(body) <= _MAX_BESIDE_BYTES)


def _may_orient(kind: bytes, text: bytes) -> bool:
    """Return whether a text may hold an orientation, and inflates to no more than it may have."""
    if not text.startswith(_ORIENTATION_TEXTS):
        return False
    packed = text.split(b"\0", 1)[1]
    if kind == b"zTXt":
        return packed[:1] == b"\0" and _inflates_little(packed[1:])
    if kind == b"iTXt" and packed[:1] != b"\0":
        return _inflates_little(packed[2:].split(b"\0", 2)[-1])
    return True


def _inflates_little(packed: bytes) -> bool:
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(packed, _MAX_BESIDE_BYTES)
    except zlib.error:
        return False
    return inflater.eof
