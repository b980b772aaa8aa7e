"""The files of uploaded ZIPs, unpacked with limits on their number, size, ratio and time.

A hundred bytes of bzip2 may hold a hundred megabytes, and a ZIP as many files as it has bytes for. The size that a
member states is checked first, what it yields is counted, and no more is unpacked at a time than is asked for. A member
that does not begin as a film does is not unpacked further, and a broken one does not stop the others.
"""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import IO

from lungwise.errors import Rejected
from lungwise.films.limits import max_inflated
from lungwise.receiving.other_files import SkipReason, name_in_zip

_CPU_SECONDS = 20.0
"""Processor time for the ZIPs of an upload: a hundred times what honest ones take."""

_MAX_MEMBERS = 20_000
"""Files that the ZIPs of an upload hold together."""
_ENTRY = b"PK\x01\x02"
_CHUNK_BYTES = 2**20
_HEAD = 256
"""Bytes that tell a film from other files."""
_UTF_8 = 0x800
_LZMA_HEADER = struct.Struct("<HHBI")
"""How a member's LZMA begins: version, size of the rest, the coder's three numbers in one, its dictionary's size."""
_FAULTS = (
    zipfile.BadZipFile, lzma.LZMAError, zlib.error, struct.error,
    RuntimeError, NotImplementedError, EOFError, OSError, ValueError, IndexError, OverflowError, MemoryError,
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class UnpackBudget:
    """What all ZIPs of one upload may still take together, from when it is made.

    `member` is how many bytes one member may unpack to, `size` how many all that are left.
    """

    member: int
    size: int
    members: int = _MAX_MEMBERS
    end: float = field(default_factory=lambda: time.thread_time() + _CPU_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFilter:
    """Which members are looked at, by their names, and which unpacked, by their first bytes."""

    name: Callable[[str], bool]
    head: Callable[[bytes], bool]


def zip_members(data: bytes, wanted: MemberFilter, budget: UnpackBudget) -> Iterator[tuple[str, bytes | SkipReason]]:
    """Yield the name of each wanted file of a ZIP, with its content or why it has none.

    Raises
    ------
    Rejected
        If it is not a ZIP, or holds more or takes longer than is left to its upload.
    """
    budget.members -= data.count(_ENTRY)
    if budget.members < 0:
        raise Rejected("This upload holds too many files. Upload it in parts.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
    except _FAULTS as error:
        raise Rejected("This ZIP is damaged. Make it again.") from error
    for member in members:
        name = name_in_zip(member.filename, is_utf_8=bool(member.flag_bits & _UTF_8))
        if member.is_dir() or not wanted.name(name):
            continue
        content = _content(archive, member, wanted, budget)
        if isinstance(content, bytes):
            budget.size -= len(content)
        elif content is SkipReason.TOO_LARGE and budget.size < member.file_size <= budget.member:
            raise Rejected("Unpacked, this is more than can be uploaded at once. Upload it in parts.")
        yield name, content


def _content(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, wanted: MemberFilter, budget: UnpackBudget
) -> bytes | SkipReason:
    limit = min(budget.member, budget.size, max_inflated(member.compress_size))
    try:
        with _opened(archive, member) as file:
            head = file.read(min(_HEAD, member.file_size))
            _check_time(budget)
            if not wanted.head(head):
                return SkipReason.NOT_A_FILM
            if member.file_size > limit:
                return SkipReason.TOO_LARGE
            data = _rest(file, head, member, budget)
    except _FAULTS:
        return SkipReason.DAMAGED
    return data if zlib.crc32(data) == member.CRC else SkipReason.DAMAGED


def _rest(file: IO[bytes], head: bytes, member: zipfile.ZipInfo, budget: UnpackBudget) -> bytes:
    """Read as many bytes as a member states; one that has fewer does not have their checksum either."""
    parts, left = [head], member.file_size - len(head)
    while left and (part := file.read(min(left, _CHUNK_BYTES))):
        parts.append(part)
        left -= len(part)
        _check_time(budget)
    return b"".join(parts)


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """Open a member so that it unpacks no more at a time than is read: `zipfile` bounds neither bzip2 nor LZMA."""
    if member.compress_type not in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        return archive.open(member)
    packed = copy(member)  # the same bytes, as they are in the file
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    del packed.CRC
    file = archive.open(packed)
    if member.compress_type == zipfile.ZIP_BZIP2:
        return bz2.BZ2File(file)
    _version, _size, numbers, dictionary = _LZMA_HEADER.unpack(file.read(_LZMA_HEADER.size))
    coder = {"lc": numbers % 9, "lp": numbers // 9 % 5, "pb": numbers // 45, "dict_size": dictionary}
    return lzma.LZMAFile(file, format=lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, **coder}])


def _check_time(budget: UnpackBudget) -> None:
    if time.thread_time() > budget.end:
        raise Rejected("Unpacking this ZIP takes too long. Upload its films separately.")
