"""Passwords from before today's rules: who signs in with one that would be refused now chooses another first."""

from __future__ import annotations

from flask import flash, redirect, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from lungwise.accounts.models import User
from lungwise.accounts.request_services import services, user
from lungwise.errors import Rejected
from lungwise.webkit import rejections

_WEAK = "weak_password"
"""Where the session keeps why its password would be refused."""
_WITHOUT = frozenset(
    {
        *("static", "healthz", "readyz", "metrics"),
        *("security.two_factor_setup", "security.mf_recovery_codes", "security.verify", "security.logout"),
        "security.change_password",
    }
)
"""What is open to whoever still has to choose another one. A second factor that is missing comes first."""


def judge(owner: User, password: str) -> None:
    """Note whether the password that somebody signs in with is one that is refused today."""
    session.pop(_WEAK, None)
    try:
        services().accounts.check_password(password, owner.email, owner.name, owner.clinic.name)
    except Rejected as no:
        session[_WEAK] = str(no)


def is_chosen_anew() -> None:
    """Let a session go on whose password was changed."""
    session.pop(_WEAK, None)


def led_to_new_password() -> Response | None:
    """Lead whoever signed in with a weak password to where it is changed."""
    if _WEAK not in session or request.endpoint in _WITHOUT or not user().is_authenticated:
        return None
    rejections.note(rejections.WEAK)
    flash(gettext(session[_WEAK]))
    return redirect(url_for("security.change_password"))
