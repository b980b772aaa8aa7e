"""Flask-Security, set up: sign in and out, change and recover a password, second factor."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Any

from flask import Flask, redirect, request, session, url_for
from flask_babel import gettext
from flask_security import (
    LoginForm,
    MailUtil,
    MfRecoveryForm,
    PasswordUtil,
    Security,
    SQLAlchemySessionUserDatastore,
    TwoFactorVerifyCodeForm,
    current_user,
    logout_user,
    password_changed,
    password_reset,
    tf_profile_changed,
    user_authenticated,
)
from sqlalchemy.orm import Session, scoped_session
from werkzeug.wrappers import Response

from lungwise.accounts.models import User
from lungwise.accounts.person import Role
from lungwise.errors import Rejected
from lungwise.settings import Settings
from lungwise.store import utc_now
from lungwise.studies.wording import N_
from lungwise.web.desk import desk

_LOCKED = N_("There were too many attempts. Wait a few minutes, or reset your password.")
_WRONG = N_("This e-mail address and password do not belong together.")
_DISABLED = N_("This account is disabled. Ask your clinic's administrator.")
_WAITS = N_("Your account waits for your clinic's administrator to approve it.")


def init_security(app: Flask, settings: Settings, sessions: scoped_session[Session]) -> None:
    """Set Flask-Security up over the request's own session."""
    app.config.update(_config(settings))
    Security(
        app,
        SQLAlchemySessionUserDatastore(sessions, User, Role),  # type: ignore[arg-type]
        login_form=SlowLoginForm,
        two_factor_verify_code_form=SlowCodeForm,
        mf_recovery_form=SlowRecoveryForm,
        mail_util_cls=PostOffice,
        password_util_cls=Checked,
    )
    user_authenticated.connect(_signed_in, app)
    for signal, deed in (
        (password_changed, "changed password"),
        (password_reset, "reset password"),
        (tf_profile_changed, "changed second factor"),
    ):
        signal.connect(_Recorder(deed), app, weak=False)
    app.login_manager.request_loader(lambda _request: None)  # type: ignore[attr-defined]  # nor Flask-Security's tokens
    app.before_request(_sign_out_rotates)
    app.before_request(_expire)


def _config(settings: Settings) -> dict[str, Any]:
    secret = settings.signing_key()
    options = {
        "REGISTERABLE": False,  # our own page knows clinics, invitations and approval
        "CHANGEABLE": True,
        "CHANGE_URL": "/password",
        "RECOVERABLE": True,
        "RESET_URL": "/password/forgotten",
        "RESET_PASSWORD_WITHIN": timedelta(hours=2),
        "LOGIN_URL": "/sign-in",
        "LOGOUT_URL": "/sign-out",
        "LOGOUT_METHODS": ["POST"],
        "LOGOUT_CSRF": True,
        "POST_LOGIN_VIEW": "/studies",
        "POST_LOGOUT_VIEW": "/sign-in",
        "POST_CHANGE_VIEW": "/profile",
        "RETURN_GENERIC_RESPONSES": True,
        "PASSWORD_HASH": "argon2",
        "PASSWORD_SCHEMES": ["argon2"],
        "PASSWORD_SINGLE_HASH": {"argon2"},
        "PASSWORD_SALT": _derived(secret, "password"),
        "PASSWORD_HASH_PASSLIB_OPTIONS": {
            "argon2__time_cost": settings.argon2_time,
            "argon2__memory_cost": settings.argon2_memory,
            "argon2__parallelism": 1,
        },
        "PASSWORD_LENGTH_MIN": settings.password_length,
        "EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},  # a clinic may have no DNS
        "EMAIL_HTML": False,
        "EMAIL_SENDER": settings.smtp_sender,
        "TWO_FACTOR": True,
        "TWO_FACTOR_REQUIRED": settings.second_factor,
        "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "TWO_FACTOR_RESCUE_EMAIL": False,
        "TWO_FACTOR_SETUP_URL": "/second-factor",
        "TWO_FACTOR_TOKEN_VALIDATION_URL": "/second-factor/code",
        "TWO_FACTOR_RESCUE_URL": "/second-factor/rescue",
        "TWO_FACTOR_SELECT_URL": "/second-factor/select",
        "TWO_FACTOR_POST_SETUP_VIEW": "/profile",
        "TOTP_SECRETS": {"1": _derived(secret, "totp")},
        "TOTP_ISSUER": "Lungwise",
        "MULTI_FACTOR_RECOVERY_CODES": True,
        "MULTI_FACTOR_RECOVERY_CODES_N": 8,
        "MULTI_FACTOR_RECOVERY_URL": "/second-factor/recovery",
        "MULTI_FACTOR_RECOVERY_CODES_URL": "/second-factor/recovery-codes",
        "API_ENABLED_METHODS": ["session"],
        "JOIN_USER_ROLES": False,
        "FRESHNESS": timedelta(hours=settings.session_hours),
        "DATETIME_FACTORY": utc_now,
    }
    return {f"SECURITY_{name}": value for name, value in options.items()}


def _derived(secret: str, purpose: str) -> str:
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def setup_code(settings: Settings) -> str:
    """Make the code that proves, at the first start, that one can read this machine's log."""
    return _derived(settings.signing_key(), "first administrator")[:12]


class SlowLoginForm(LoginForm):
    """Sign-in that says the same of a wrong password and of no account, and slows down guessing."""

    def validate(self, **kwargs: object) -> bool:
        """Check the lock first, the password then."""
        account, address = str(self.email.data or ""), request.remote_addr or ""
        throttle = desk().throttle
        if throttle.locked(account, address):
            self.form_errors.append(gettext(_LOCKED))
            return False
        if super().validate(**kwargs):
            throttle.succeeded(account)
            return True
        if account and self.password.data:
            self._say_why(account, address)
        return False

    def _say_why(self, account: str, address: str) -> None:
        self.email.errors = self.password.errors = []
        if not self.user_authenticated:
            desk().throttle.failed(account, address)
            self.form_errors.append(gettext(_WRONG))
            if isinstance(self.user, User):
                desk().accounts.failed_to_sign_in(self.user)
        elif isinstance(self.user, User) and self.user.waits:
            self.form_errors.append(gettext(_WAITS))
        else:
            self.form_errors.append(gettext(_DISABLED))


class _SlowCode:
    """A form asking for a code, that slows down guessing of it."""

    user: Any
    form_errors: list[str]

    def validate(self, **kwargs: object) -> bool:
        """Check the lock first, the code then."""
        name, address = f"code of {self.user.key}", request.remote_addr or ""
        throttle = desk().throttle
        if throttle.locked(name, address):
            self.form_errors.append(gettext(_LOCKED))
            return False
        if super().validate(**kwargs):  # type: ignore[misc]
            throttle.succeeded(name)
            return True
        throttle.failed(name, address)
        desk().accounts.failed_to_sign_in(self.user)
        return False


class SlowCodeForm(_SlowCode, TwoFactorVerifyCodeForm):
    """The authenticator's code."""


class SlowRecoveryForm(_SlowCode, MfRecoveryForm):
    """A recovery code."""


class Checked(PasswordUtil):
    """New passwords go through the clinic's own check."""

    def validate(self, password: str, is_register: bool, **kwargs: object) -> tuple[list[str] | None, str]:
        """Check as `Passwords.check` does."""
        known = kwargs.get("user")
        plain = self.normalize(password)
        try:
            desk().accounts.check_password(plain, *((known.email, known.name) if isinstance(known, User) else ()))
        except Rejected as no:
            return [gettext(str(no))], plain
        return None, plain


class PostOffice(MailUtil):
    """Flask-Security's messages go the way of all others."""

    def send_mail(
        self,
        template: str,
        subject: str,
        recipient: str | tuple[str, str],
        sender: str | tuple[str, str],
        body: str | None,
        html: str | None,
        **kwargs: object,
    ) -> None:
        """Send a rendered message once the request is committed."""
        post, to = desk().post, str(recipient)
        desk().after_commit.append(lambda: post.send(to, str(subject), body or ""))


class _Recorder:
    """Puts one kind of Flask-Security's signals into the audit trail."""

    def __init__(self, deed: str) -> None:
        self._deed = deed

    def __call__(self, _app: Flask, user: User, **_more: object) -> None:
        desk().audit.record(user.person, self._deed, "account", user.key)


def _signed_in(_app: Flask, user: User, **_more: object) -> None:
    """Begin a session of its own: nothing of the one before signing in stays valid."""
    session.pop("csrf_token", None)
    session.permanent = True
    session["until"] = utc_now().timestamp() + desk().settings.session_hours * 3600
    desk().accounts.signed_in(user)


def _sign_out_rotates() -> None:
    if request.endpoint == "security.logout" and request.method == "POST" and current_user.is_authenticated:
        desk().accounts.signed_out(current_user)


def _expire() -> Response | None:
    if current_user.is_authenticated and session.get("until", 0) < utc_now().timestamp():
        logout_user()
        session.clear()
        return redirect(url_for("security.login"))
    return None
