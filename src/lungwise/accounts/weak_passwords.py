"""Passwords that today's rules would refuse: those who sign in with one must choose another first."""

from __future__ import annotations

from flask import flash, redirect, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from lungwise.accounts.models import User
from lungwise.accounts.request_services import services, user
from lungwise.accounts.second_factor import STILL_OPEN
from lungwise.errors import Rejected
from lungwise.webkit import rejections

_WEAK = "weak_password"
"""The session's entry for why its password would be refused."""
_STILL_OPEN = STILL_OPEN | {"security.mf_recovery_codes", "security.change_password"}
"""Pages for those who still have to choose another password. A missing second factor comes first."""


def check_at_sign_in(owner: User, password: str) -> None:
    """Keep in the session whether the password that somebody signs in with would be refused today."""
    session.pop(_WEAK, None)
    try:
        services().accounts.check_password(password, owner.email, owner.name, owner.clinic.name)
    except Rejected as no:
        session[_WEAK] = str(no)


def forget_weakness() -> None:
    """Let a session continue whose password was changed, or that begins without one."""
    session.pop(_WEAK, None)


def require_new_password() -> Response | None:
    """Redirect those who signed in with a weak password to where it is changed."""
    if _WEAK not in session or request.endpoint in _STILL_OPEN or not user().is_authenticated:
        return None
    rejections.note(rejections.WEAK)
    flash(gettext(session[_WEAK]))
    return redirect(url_for("security.change_password"))
