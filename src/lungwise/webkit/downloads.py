"""Files to download."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from typing import IO

from flask import Response

_PART_BYTES = 1 << 16


def attachment(data: bytes | str, content_type: str, name: str) -> Response:
    """Return a file that the browser saves under a name of ours, which holds nothing of a patient."""
    return Response(data, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


class _Parts:
    """A file, piece by piece. It is closed with the response, or with whoever never read it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        while part := self._file.read(_PART_BYTES):
            yield part

    def close(self) -> None:
        """Close the file, which deletes it."""
        self._file.close()

    __del__ = close


def stream(write: Callable[[IO[bytes]], None], content_type: str, name: str) -> Response:
    """Write a file on the disk and return it piece by piece: it may be larger than the memory."""
    file = TemporaryFile()  # noqa: SIM115 - the response closes it
    parts = _Parts(file)
    write(file)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(file.tell())}
    file.seek(0)
    return Response(parts, content_type=content_type, headers=headers)


def table(text: str, name: str) -> Response:
    """Return a CSV table with a byte order mark: without one Excel reads names as if they were of Western Europe."""
    return attachment(codecs.BOM_UTF8 + text.encode(), "text/csv; charset=utf-8", name)
