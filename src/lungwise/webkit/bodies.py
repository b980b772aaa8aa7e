"""How large a request's body may be: small, but where films are taken from those who may send them.

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
"""Parts of a form beside its films."""
ASKS = "lungwise.asks"
"""In the environment of a request whose body is not read yet; the bound is put there."""
_TAKES_FILMS = "takes_films"


def takes_films(view: View) -> View:
    """Mark a page that takes films, from those alone who may upload."""
    setattr(view, _TAKES_FILMS, True)
    return view


def config(films: int) -> dict[str, int]:
    """Give an application's bounds, for studies of so many films."""
    return {"MAX_CONTENT_LENGTH": SMALL, "MAX_FORM_MEMORY_SIZE": SMALL + _PIECE, "MAX_FORM_PARTS": films + PARTS}


def init_app(app: Flask, most: int) -> None:
    """Bound what is sent to pages: films of `most` bytes together, in a form, and else a few kilobytes."""

    def bound() -> Response | None:
        if request.method != "POST" or not hasattr(_view(), _TAKES_FILMS):
            return admit(SMALL)
        person().need(Right.UPLOAD)
        return admit(most if request.mimetype == "multipart/form-data" else SMALL)

    app.before_request(bound)


def admit(most: int) -> Response | None:
    """Let the body be read up to so many bytes; an answer to a server that asks.

    Raises
    ------
    RequestEntityTooLarge
        If the body is said to be larger.
    """
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge
    request.max_content_length = most
    if ASKS not in request.environ:
        return None
    request.environ[ASKS] = most
    return Response(status=204)


def _view() -> object:
    return current_app.view_functions.get(request.endpoint or "")
