"""The files of an uploaded ZIP, unpacked with bounds on their number, size, ratio and time.

Ten kilobytes of LZMA or bzip2 may hold a hundred megabytes, and a ZIP as many files as it has bytes
for; what a member says of its size is asked first, and what it gives is counted.
"""

from __future__ import annotations

import io
import lzma
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lungwise.errors import Rejected
from lungwise.films.limits import most_inflated

_SECONDS = 20.0
"""The processor's time for all of a ZIP: a hundred times what an honest one takes."""

_MOST_MEMBERS = 20_000
_ENTRY = b"PK\x01\x02"
_STEP = 2**20
_FAULTS = (
    zipfile.BadZipFile, lzma.LZMAError, zlib.error, struct.error,
    RuntimeError, NotImplementedError, EOFError, OSError, ValueError, IndexError, OverflowError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MostUnpacked:
    """How many bytes one member and all of them may unpack to."""

    member: int
    total: int


def zip_members(data: bytes, wanted: Callable[[str], bool], most: MostUnpacked) -> Iterator[tuple[str, bytes]]:
    """Give name and content of each wanted file of a ZIP.

    Raises
    ------
    Rejected
        If it is damaged or has a password, or holds more, or takes longer, than an upload may.
    """
    if data.count(_ENTRY) > _MOST_MEMBERS:
        raise Rejected("This ZIP holds too many files. Upload it in parts.")
    end = time.thread_time() + _SECONDS
    left = most.total
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                if member.is_dir() or not wanted(member.filename):
                    continue
                left -= member.file_size
                if left < 0 or member.file_size > min(most.member, most_inflated(member.compress_size)):
                    raise _too_much()
                yield member.filename, _unpacked(archive, member, end)
    except _FAULTS as error:
        raise Rejected("This ZIP is damaged or has a password. Make it again without one.") from error


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, end: float) -> bytes:
    parts = []
    with archive.open(member) as file:
        while part := file.read(_STEP):
            parts.append(part)
            _check_time(end)
    _check_time(end)
    return b"".join(parts)


def _check_time(end: float) -> None:
    if time.thread_time() > end:
        raise Rejected("Unpacking this ZIP takes too long. Upload its films by themselves.")


def _too_much() -> Rejected:
    return Rejected("This ZIP unpacks to more than may be uploaded at once. Upload it in parts.")
