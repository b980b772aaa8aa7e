"""Cookies beside the session's: none that a script can read, or that another site's form sends."""

from __future__ import annotations

from flask import current_app
from werkzeug.wrappers import Response


def set_cookie(response: Response, name: str, value: str, seconds: int | None = None) -> None:
    """Keep a value in the browser, for so long, or until it is closed."""
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(name, value, seconds, secure=secure, httponly=True, samesite="Lax")
