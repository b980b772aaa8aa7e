"""The files of an uploaded ZIP, unpacked with limits on their number, size, ratio and time.

Ten kilobytes of LZMA or bzip2 may hold a hundred megabytes, and a ZIP as many files as it has bytes for. The size that
a member states is checked first, and what it yields is counted. A member that does not begin as a film does is not
unpacked further, and a broken one does not stop the others.
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
from lungwise.films.limits import max_inflated
from lungwise.receiving.other_files import SkipReason, name_in_zip

_CPU_SECONDS = 20.0
"""Processor time for a whole ZIP: a hundred times what an honest one takes."""

_MAX_MEMBERS = 20_000
_ENTRY = b"PK\x01\x02"
_CHUNK_BYTES = 2**20
_HEAD = 256
"""Bytes that tell a film from other files."""
_UTF_8 = 0x800
_FAULTS = (
    zipfile.BadZipFile, lzma.LZMAError, zlib.error, struct.error,
    RuntimeError, NotImplementedError, EOFError, OSError, ValueError, IndexError, OverflowError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackLimits:
    """How many bytes one member and all of them may unpack to."""

    member: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFilter:
    """Which members are looked at, by their names, and which unpacked, by their first bytes."""

    name: Callable[[str], bool]
    head: Callable[[bytes], bool]


def zip_members(data: bytes, wanted: MemberFilter, limits: UnpackLimits) -> Iterator[tuple[str, bytes | SkipReason]]:
    """Yield the name of each wanted file of a ZIP, with its content or why it has none.

    Raises
    ------
    Rejected
        If it is not a ZIP, or holds more or takes longer than an upload may.
    """
    if data.count(_ENTRY) > _MAX_MEMBERS:
        raise Rejected("This ZIP holds too many files. Upload it in parts.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
    except _FAULTS as error:
        raise Rejected("This ZIP is damaged. Make it again.") from error
    end = time.thread_time() + _CPU_SECONDS
    left = limits.total
    for member in members:
        name = name_in_zip(member.filename, is_utf_8=bool(member.flag_bits & _UTF_8))
        if member.is_dir() or not wanted.name(name):
            continue
        content = _content(archive, member, wanted, min(limits.member, left), end)
        if isinstance(content, bytes):
            left -= len(content)
        elif content is SkipReason.TOO_LARGE and left < member.file_size <= limits.member:
            raise Rejected("This ZIP holds more than can be uploaded at once. Upload it in parts.")
        yield name, content


def _content(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, wanted: MemberFilter, limit: int, end: float
) -> bytes | SkipReason:
    try:
        with archive.open(member) as file:
            head = file.read(_HEAD)
            _check_time(end)
            if not wanted.head(head):
                return SkipReason.NOT_A_FILM
            if member.file_size > min(limit, max_inflated(member.compress_size)):
                return SkipReason.TOO_LARGE
            parts = [head]
            while part := file.read(_CHUNK_BYTES):
                parts.append(part)
                _check_time(end)
    except _FAULTS:
        return SkipReason.DAMAGED
    return b"".join(parts)


def _check_time(end: float) -> None:
    if time.thread_time() > end:
        raise Rejected("Unpacking this ZIP takes too long. Upload its films separately.")
