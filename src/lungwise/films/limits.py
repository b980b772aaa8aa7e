"""What a film may measure: bounds checked from the header, before a pixel is decoded."""

from __future__ import annotations

from lungwise.films.film import Refusal

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
        raise Refusal("empty", "The file is empty; upload it again.")
    if len(data) > MAX_BYTES:
        raise too_large()


def too_large() -> Refusal:
    """Say that a file holds more bytes than any film."""
    return Refusal("too-large", "The file is larger than 256 MB; export the film alone, or at a lower resolution.")


def too_little_memory() -> Refusal:
    """Say that there is too little memory to decode a film."""
    return Refusal("too-large", "Decoding the film needs more memory than there is; export it at a lower resolution.")


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
        raise damaged("its header gives it no size")
    if width * height > most:
        raise Refusal(
            "too-many-pixels",
            f"The film measures {width} x {height} pixels and the limit is {most // 1_000_000} megapixels; "
            "export it smaller.",
        )
    if min(width, height) < MIN_SIDE:
        raise Refusal(
            "too-small",
            f"The film measures {width} x {height} pixels and its shorter side must have {MIN_SIDE}; "
            "upload the original, not a thumbnail.",
        )


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
        raise damaged("it has more scans than any encoder writes")


def check_coded_bytes(coded: bytes, samples: int, samples_a_bit: int) -> None:
    """Refuse compressed pixels of fewer bits than their code can do with: decoders would make up the rest.

    Raises
    ------
    Refusal
        `damaged`.
    """
    if len(coded) * 8 * samples_a_bit < samples:
        raise damaged("it has too few bytes for its pixels")


def damaged(what: str) -> Refusal:
    """Say in what way a file is damaged."""
    return Refusal("damaged", f"The file is damaged: {what}; export it again from its source.")


def several_frames() -> Refusal:
    """Say that a file holds more than one picture."""
    return Refusal("several-frames", "The file holds several pictures; upload one film as one file.")
