"""Which study is shown right after its upload: seeing that result is not yet opening the study to look at it.

It stays so in a browser's session until the person goes to any other page.
"""

from __future__ import annotations

from flask import Blueprint, request, session

_FIELD = "uploaded"
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
    session[_FIELD] = key


def is_shown_after_upload(key: str) -> bool:
    """Return whether a study is shown as the result of its upload."""
    return bool(session.get(_FIELD) == key)


def init(bp: Blueprint) -> None:
    """Forget the upload once the person goes to another page."""
    bp.before_app_request(_forget_elsewhere)


def _forget_elsewhere() -> None:
    if request.method != "GET" or _FIELD not in session or request.endpoint in _STILL_HERE:
        return
    key = (request.view_args or {}).get("key")
    if request.endpoint != "studies.show" or key != session[_FIELD]:
        session.pop(_FIELD)
