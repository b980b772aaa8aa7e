"""The limits on a film, checked by its header before a pixel is decoded."""

from __future__ import annotations

from lungwise.films.refusals import Refusal, Value

MAX_BYTES = 256 * 2**20
MAX_PIXELS = 64_000_000
MIN_SIDE = 64
BLOCK = 64
"""Pixels that JPEG codes together: it spends at least one bit on each of its blocks."""

_MAX_RATIO, _ALWAYS_INFLATED = 200, 16 * 2**20
_MAX_SCANS, _MAX_SCANS_OF_THE_LARGEST = 64, 16


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
    """Refuse a file of more bytes than any film."""
    return Refusal("too-large", {"most": MAX_BYTES >> 20})


def too_little_memory() -> Refusal:
    """Refuse a film for lack of memory to decode it."""
    return Refusal("too-large", {"detail": "memory"})


def max_inflated(packed: int) -> int:
    """Return how many bytes so many packed ones may become: films pack to a tenth, all air to a hundredth."""
    return min(MAX_BYTES, max(_ALWAYS_INFLATED, _MAX_RATIO * packed))


def check_size(width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse a film too small to read or too large to decode.

    Raises
    ------
    Refusal
        `damaged`, `too-small` or `too-many-pixels`.
    """
    if width < 1 or height < 1:
        raise damaged("no-size")
    if width * height > max_pixels:
        raise Refusal("too-many-pixels", {"width": width, "height": height, "most": max_pixels // 1_000_000})
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
    if scans > _MAX_SCANS or scans * width * height > _MAX_SCANS_OF_THE_LARGEST * MAX_PIXELS:
        raise damaged("scans")


def check_coded_bytes(coded: bytes, samples: int, samples_per_bit: int) -> None:
    """Refuse compressed pixels of fewer bits than their code needs: decoders would make up the rest.

    Raises
    ------
    Refusal
        `damaged`.
    """
    if len(coded) * 8 * samples_per_bit < samples:
        raise damaged("bytes")


def damaged(detail: str, **values: Value) -> Refusal:
    """Refuse a damaged file; the catalogue says what each detail means."""
    return Refusal("damaged", {"detail": detail, **values})


def too_many_parts(part: str) -> Refusal:
    """Refuse a file that has more of this part than any film."""
    return damaged("parts", part=part)


def several_frames() -> Refusal:
    """Refuse a file that holds more than one picture."""
    return Refusal("several-frames")
