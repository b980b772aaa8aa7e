"""Bytes in, one Film out, or a Refusal."""

from __future__ import annotations

import errno
import stat
from dataclasses import asdict
from pathlib import Path

from lungwise.films.film import Film, Photographed
from lungwise.films.formats import DICOM, kind_of
from lungwise.films.limits import MAX_BYTES, check_bytes, too_large
from lungwise.films.refusals import Refusal
from lungwise.films.work_limit import bounded, in_process, refused_errors

_UNREACHABLE = {errno.ENOENT: "missing", errno.EACCES: "rights", errno.EPERM: "rights", errno.EINVAL: "not-regular"}


def open_path(path: Path, least_side: int | None = None) -> Film:
    """Decode one file as `open_film` does; one larger than any film is refused unread.

    Raises
    ------
    Refusal
        If it cannot be opened, or is not one readable radiograph.
    """
    return open_film(bytes_of(path), least_side=least_side)


def bytes_of(path: Path) -> bytes:
    """Return a file's bytes; one larger than any film is refused unread.

    Raises
    ------
    Refusal
        If it cannot be opened.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe may never end, and a device has effects
            raise OSError(errno.EINVAL, "It is not a regular file")
        if found.st_size > MAX_BYTES:
            raise too_large()
        with path.open("rb") as file:
            return file.read(found.st_size + 1)  # a file that grows meanwhile is not followed
    except OSError as error:
        detail = _UNREACHABLE.get(error.errno or 0)
        raise Refusal("unreachable", {"detail": detail} if detail else None) from error


def open_film(data: bytes, photographed: Photographed | None = None, least_side: int | None = None) -> Film:
    """Decode the bytes of one file, whatever its name: the first bytes tell the format.

    Safe in many threads at once; time and memory are bounded whatever the bytes.

    Parameters
    ----------
    photographed
        That a camera took the picture.
    least_side
        Pixels that the shorter side must keep at least: a grey JPEG is decoded at the smallest half, quarter or eighth
        of its size that leaves as many, which takes a fraction of the time. By default every pixel is kept.

    Raises
    ------
    Refusal
        If they are not one readable radiograph.
    """
    check_bytes(data)
    with refused_errors():
        return bounded(
            lambda: decode_film(data, photographed, least_side),
            lambda seconds: _decode_elsewhere(data, photographed, seconds),
        )


def _decode_elsewhere(data: bytes, photographed: Photographed | None, seconds: float) -> Film:
    pixels, facts = in_process("film", data, seconds, asdict(photographed) if photographed else None)
    facts = {name: tuple(fact) if isinstance(fact, list) else fact for name, fact in facts.items()}
    return Film(pixels=pixels, **facts)


def decode_film(data: bytes, photographed: Photographed | None = None, least_side: int | None = None) -> Film:
    """Decode as `open_film` does, in this process, whatever time it takes and whatever its decoder raises.

    Raises
    ------
    Refusal
        If they are not one readable radiograph.
    """
    kind = kind_of(data)
    if kind is None:
        raise Refusal("not-an-image")
    if kind == DICOM:
        from lungwise.films.dicom.radiograph import open_radiograph  # here, for a quick start without it

        return open_radiograph(data)
    from lungwise.films.picture import open_picture

    return open_picture(data, kind, photographed, least_side)
