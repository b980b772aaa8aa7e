"""Text goes over the network compressed: a page over a slow link appears after a third of the time."""

from __future__ import annotations

import gzip
import io
import secrets
from functools import lru_cache

from flask import Flask, Response, request

_TEXT = ("text/", "application/json", "application/javascript", "image/svg+xml")
_TEXT_SUFFIXES = ("+json", "+xml")
_FEWEST_BYTES = 500
"""Below this a compressed answer is not shorter by a packet."""

_LEVEL = 6
_LONGEST_PADDING = 32


def init_app(app: Flask) -> None:
    """Compress the text of the application's answers for those who take it compressed."""
    app.after_request(_compressed)


def _compressed(response: Response) -> Response:
    if not _is_text(response):
        return response
    response.vary.add("Accept-Encoding")
    is_file = request.endpoint == "static"
    if (response.is_streamed and not is_file) or not request.accept_encodings.quality("gzip"):
        return response
    response.direct_passthrough = False
    data = response.get_data()
    if len(data) >= _FEWEST_BYTES:
        response.set_data(_packed_file(data) if is_file else _packed_page(data))
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("ETag", None)  # it names the bytes as they are; the address of a file changes with it
    return response


def _is_text(response: Response) -> bool:
    kind = response.mimetype or ""
    plain = response.status_code == 200 and "Content-Encoding" not in response.headers and request.method != "HEAD"
    return plain and (kind.startswith(_TEXT) or kind.endswith(_TEXT_SUFFIXES))


def _packed_page(data: bytes) -> bytes:
    """Compress a page, to a length that tells nothing.

    Whoever can place text on a page and see how long it gets would learn of its secrets, sign by sign
    (https://breachattack.com); so the name in the gzip header, which browsers skip, has a random length.
    """
    out = io.BytesIO()
    name = secrets.token_hex(_LONGEST_PADDING)[: secrets.randbelow(_LONGEST_PADDING)]
    with gzip.GzipFile(name, "wb", _LEVEL, out, mtime=0) as file:
        file.write(data)
    return out.getvalue()


@lru_cache(maxsize=64)
def _packed_file(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)
