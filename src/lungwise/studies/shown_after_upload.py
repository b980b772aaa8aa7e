"""Which study is shown right after its upload: seeing that result is not yet opening the study to look at it.

It stays so in the browser until the person goes to any other page, in a cookie of its own: every answer sends the
session's cookie as it was when its request came, so one that was asked for before the upload and comes after it
would take the note back.
"""

from __future__ import annotations

from flask import Blueprint, Response, after_this_request, request

from lungwise.webkit.cookies import set_cookie

_COOKIE = "lungwise-uploaded"
_STILL_HERE = frozenset(
    {
        "static",
        "studies.progress",
        "films.picture",
        "films.page_picture",
        "films.geometry",
        "films.thumbnail",
        "films.heat",
        "photographs.corners",
        "photographs.photograph",
        "patients.whose",
    }
)
"""What the page after an upload is made of, and the questions that come before it."""


def note_upload(key: str) -> None:
    """Note that the next page shows the result of a study's upload."""

    @after_this_request
    def keep(response: Response) -> Response:
        set_cookie(response, _COOKIE, key)
        return response


def is_shown_after_upload(key: str) -> bool:
    """Return whether a study is shown as the result of its upload."""
    return request.cookies.get(_COOKIE) == key


def init(bp: Blueprint) -> None:
    """Forget the upload once the person goes to another page."""
    bp.after_app_request(_forget_elsewhere)


def _forget_elsewhere(response: Response) -> Response:
    if request.method != "GET" or _COOKIE not in request.cookies or request.endpoint in _STILL_HERE:
        return response
    key = (request.view_args or {}).get("key", "")
    if request.endpoint != "studies.show" or not is_shown_after_upload(key):
        response.delete_cookie(_COOKIE)
    return response
