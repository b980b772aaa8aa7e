"""How large a request's body may be: small, except where films are taken from those who may send them.

Who may is asked before the body is read. A server that keeps a body until the whole of it is there asks first:
it calls the application with the request's headers alone and `ASKS` in the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from lungwise.access import Right
from lungwise.webkit.current_person import person

View = TypeVar("View", bound=Callable[..., object])
SMALL = 64 << 10
"""Bytes of a body that takes no film."""
_PIECE = 128 << 10
"""Bytes of a film that werkzeug holds while it looks for the end of a part, and counts as if they were a field's."""
PARTS = 100
"""Most parts of a form, besides its films."""
ASKS = "lungwise.asks"
"""In the environment of a request whose body is not read yet; the limit is put there."""
_TAKES_FILMS = "takes_films"


def takes_films(view: View) -> View:
    """Mark a page that takes films, only from those who may upload."""
    setattr(view, _TAKES_FILMS, True)
    return view


def config(films: int) -> dict[str, int]:
    """Return an application's limits, for studies of so many films."""
    return {"MAX_CONTENT_LENGTH": SMALL, "MAX_FORM_MEMORY_SIZE": SMALL + _PIECE, "MAX_FORM_PARTS": films + PARTS}


def init_app(app: Flask, limit: int) -> None:
    """Limit what is sent to pages: films of `limit` bytes together, in a form, and else a few kilobytes."""

    def check() -> Response | None:
        if request.method != "POST" or not hasattr(_view(), _TAKES_FILMS):
            return admit(SMALL)
        person().need(Right.UPLOAD)
        return admit(limit if request.mimetype == "multipart/form-data" else SMALL)

    app.before_request(check)


def admit(limit: int) -> Response | None:
    """Allow a body of up to so many bytes; return an answer to a server that asks.

    Raises
    ------
    RequestEntityTooLarge
        If the Content-Length is larger.
    """
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge
    request.max_content_length = limit
    if ASKS not in request.environ:
        return None
    request.environ[ASKS] = limit
    return Response(status=204)


def _view() -> object:
    return current_app.view_functions.get(request.endpoint or "")
