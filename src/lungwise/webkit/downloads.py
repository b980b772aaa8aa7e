"""Files to download."""

from __future__ import annotations

import codecs

from flask import Response


def attachment(data: bytes | str, content_type: str, name: str) -> Response:
    """Return a file that the browser saves under a name of ours, which holds nothing of a patient."""
    return Response(data, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def table(text: str, name: str) -> Response:
    """Return a CSV table with a byte order mark: without one Excel reads names as if they were of Western Europe."""
    return attachment(codecs.BOM_UTF8 + text.encode(), "text/csv; charset=utf-8", name)
