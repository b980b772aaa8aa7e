"""Bytes in, one Film out, or a Refusal."""

from __future__ import annotations

import errno
import stat
from dataclasses import asdict
from pathlib import Path

from lungwise.films.film import Film, Photographed
from lungwise.films.formats import format_of
from lungwise.films.limits import MAX_BYTES, check_bytes, damaged, too_large, too_little_memory
from lungwise.films.refusals import Refusal
from lungwise.films.work_limit import TooMuchHereError, bounded, in_process

_UNREACHABLE = {errno.ENOENT: "missing", errno.EACCES: "rights", errno.EPERM: "rights", errno.EINVAL: "not-regular"}


def open_path(path: Path) -> Film:
    """Decode one file; one larger than any film is refused unread.

    Raises
    ------
    Refusal
        If it cannot be opened, or is not one readable radiograph.
    """
    return open_film(bytes_of(path))


def bytes_of(path: Path) -> bytes:
    """Give a file's bytes; one larger than any film is refused unread.

    Raises
    ------
    Refusal
        If it cannot be opened.
    """
    try:
        return _bytes(path)
    except OSError as error:
        detail = _UNREACHABLE.get(error.errno or 0)
        raise Refusal("unreachable", {"detail": detail} if detail else None) from error


def _bytes(path: Path) -> bytes:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe may never end, and a device has effects
        raise OSError(errno.EINVAL, "It is no regular file")
    if found.st_size > MAX_BYTES:
        raise too_large()
    with path.open("rb") as file:
        return file.read(found.st_size + 1)  # a file that grows meanwhile is not followed


def open_film(data: bytes, photographed: Photographed | None = None) -> Film:
    """Decode the bytes of one file, whatever its name: the first bytes tell the format.

    Safe in many threads at once; time and memory are bounded whatever the bytes. Of a picture that a camera took,
    `photographed` says so.

    Raises
    ------
    Refusal
        If they are not one readable radiograph.
    """
    check_bytes(data)
    try:
        return bounded(
            lambda: decode_film(data, photographed), lambda seconds: _decode_elsewhere(data, photographed, seconds)
        )
    except MemoryError as error:
        raise too_little_memory() from error


def _decode_elsewhere(data: bytes, photographed: Photographed | None, seconds: float) -> Film:
    decoded = in_process("film", data, seconds, asdict(photographed) if photographed else None)
    facts = decoded.facts
    spacing = facts.pop("pixel_spacing")
    return Film(decoded.array, **facts, pixel_spacing=(spacing[0], spacing[1]) if spacing else None)


def decode_film(data: bytes, photographed: Photographed | None = None) -> Film:
    """Decode the bytes of one file in this process, whatever time they take.

    Raises
    ------
    Refusal
        If they are not one readable radiograph.
    """
    try:
        return _open(data, photographed)
    except ImportError as error:
        raise Refusal("unsupported", {"detail": "library", "library": error.name or "?"}) from error
    except MemoryError as error:
        raise too_little_memory() from error
    except (Refusal, TooMuchHereError):
        raise
    except Exception as error:  # decoders of foreign bytes raise anything
        raise damaged("pixels") from error


def _open(data: bytes, photographed: Photographed | None) -> Film:
    found = format_of(data)
    if found is None:
        raise Refusal("not-an-image")
    return found.open(data, photographed)
