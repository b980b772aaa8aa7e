"""What a film may measure: bounds checked from the header, before a pixel is decoded."""

from __future__ import annotations

from lungwise.films.refusals import Refusal, Value

MAX_BYTES = 256 * 2**20
MAX_PIXELS = 64_000_000
MIN_SIDE = 64
BLOCK = 64
"""Pixels that JPEG codes together: it spends at least one bit on each of its blocks."""

_MOST_RATIO, _ALWAYS_INFLATED = 200, 16 * 2**20
_MOST_SCANS, _MOST_SCANS_OF_THE_LARGEST = 64, 16


def check_bytes(data: bytes) -> None:
    """Refuse a file that is empty or larger than any film.

    Raises
    ------
    Refusal
        `empty` or `too-large`.
    """
    if not data:
        raise Refusal("empty")
    if len(data) > MAX_BYTES:
        raise too_large()


def too_large() -> Refusal:
    """Say that a file holds more bytes than any film."""
    return Refusal("too-large", {"most": MAX_BYTES >> 20})


def too_little_memory() -> Refusal:
    """Say that there is too little memory to decode a film."""
    return Refusal("too-large", {"detail": "memory"})


def most_inflated(packed: int) -> int:
    """Bytes that so many packed ones may become: films pack to a tenth, and to a hundredth where they are all air."""
    return min(MAX_BYTES, max(_ALWAYS_INFLATED, _MOST_RATIO * packed))


def check_size(width: int, height: int, most: int = MAX_PIXELS) -> None:
    """Refuse a film too small to read or too large to decode.

    Raises
    ------
    Refusal
        `damaged`, `too-small` or `too-many-pixels`.
    """
    if width < 1 or height < 1:
        raise damaged("no-size")
    if width * height > most:
        raise Refusal("too-many-pixels", {"width": width, "height": height, "most": most // 1_000_000})
    if min(width, height) < MIN_SIDE:
        raise Refusal("too-small", {"width": width, "height": height, "least": MIN_SIDE})


def check_jpeg(coded: bytes, scans: int, width: int, height: int) -> None:
    """Refuse a JPEG of too few bytes, or a progressive one of more scans than any encoder writes.

    Each scan walks the whole film again.

    Raises
    ------
    Refusal
        `damaged`.
    """
    check_coded_bytes(coded, width * height, BLOCK)
    if scans > _MOST_SCANS or scans * width * height > _MOST_SCANS_OF_THE_LARGEST * MAX_PIXELS:
        raise damaged("scans")


def check_coded_bytes(coded: bytes, samples: int, samples_a_bit: int) -> None:
    """Refuse compressed pixels of fewer bits than their code can do with: decoders would make up the rest.

    Raises
    ------
    Refusal
        `damaged`.
    """
    if len(coded) * 8 * samples_a_bit < samples:
        raise damaged("bytes")


def damaged(detail: str, **values: Value) -> Refusal:
    """Say in what way a file is damaged: a detail of the catalogue."""
    return Refusal("damaged", {"detail": detail, **values})


def too_many_parts(part: str) -> Refusal:
    """Say of which part a file has more than any film."""
    return damaged("parts", part=part)


def several_frames() -> Refusal:
    """Say that a file holds more than one picture."""
    return Refusal("several-frames")
