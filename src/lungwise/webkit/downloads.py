"""Files to download."""

from __future__ import annotations

from flask import Response


def attachment(data: bytes | str, content_type: str, name: str) -> Response:
    """Return a file that the browser saves under a name of ours, which holds nothing of a patient."""
    return Response(data, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
