"""Files to download."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from tempfile import TemporaryFile
from typing import IO

from flask import Response
from werkzeug.wsgi import FileWrapper

_PART_BYTES = 1 << 16


def attachment(data: bytes | str, content_type: str, name: str) -> Response:
    """Return a file that the browser saves under a name of ours, which holds nothing of a patient."""
    return Response(data, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def stream(write: Callable[[IO[bytes]], None], content_type: str, name: str) -> Response:
    """Write a file on the disk and return it piece by piece: it may be larger than the memory."""
    file = TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        write(file)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(size)}
    return Response(FileWrapper(file, _PART_BYTES), content_type=content_type, headers=headers, direct_passthrough=True)


def table(text: str, name: str) -> Response:
    """Return a CSV table with a byte order mark: without one Excel reads names as if they were of Western Europe."""
    return attachment(codecs.BOM_UTF8 + text.encode(), "text/csv; charset=utf-8", name)
