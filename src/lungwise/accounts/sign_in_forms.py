"""The forms that ask for a secret: each guess is counted, and after too many none is checked."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

from flask_babel import gettext
from flask_security import (
    ChangePasswordForm,
    LoginForm,
    MfRecoveryForm,
    ResetPasswordForm,
    TwoFactorVerifyCodeForm,
    current_user,
)
from flask_security.forms import Form
from flask_security.utils import get_message, validate_redirect_url
from wtforms import Field

from lungwise.accounts import provided_session
from lungwise.accounts.models import User
from lungwise.accounts.request_services import services
from lungwise.accounts.second_factor import WRONG_CODE, ConfirmForm
from lungwise.accounts.throttle import Guess, Lock, Secret
from lungwise.accounts.weak_passwords import check_at_sign_in
from lungwise.films.refusals import N_
from lungwise.webkit.forms import LogsRejection

_LOCKED = {
    Lock.ACCOUNT: N_("Too many attempts. Wait a few minutes."),
    Lock.ADDRESS: N_("Too many attempts from your network. Wait a few minutes."),
}
_LOCKED_SIGN_IN = N_("Too many attempts. Wait a few minutes, or choose a new password.")
_WRONG = N_("Wrong e-mail address or password.")
_DISABLED = N_("This account is disabled. Ask your clinic's administrator.")
_PROVIDED = N_("This account signs in with %(provider)s, not with a password.")
_WAITS = N_("Your account is waiting for your clinic's administrator to approve it.")


def guesses_at(user: User) -> tuple[Guess, Guess]:
    """Return what a new password resets: guesses at the old one, when signing in and afterwards.

    A lock on codes stays. Otherwise somebody who reads the account's mails could guess codes without limit.
    """
    return (
        Guess(secret=Secret.SIGN_IN, name=user.email, account=user),
        Guess(secret=Secret.CONFIRMATION, name=user.key, account=user),
    )


class _AsksForSecret:
    """A form of Flask-Security that throttles guesses."""

    form_errors: list[str]
    locked = _LOCKED

    def validate(self, **kwargs: object) -> bool:
        """Check the fields, then whether guesses are locked, then the guess."""
        if not Form.validate(self, **kwargs):
            return False
        guess, throttle = self.guess(), services().throttle
        lock = throttle.admit(guess)
        if lock:
            self.form_errors.append(gettext(self.locked[lock]))
            return False
        valid = bool(super().validate(**kwargs))  # type: ignore[misc]
        if valid and (why := self.refusal()):
            throttle.refused(guess)
            self.form_errors.append(why)
            return False
        if valid or not self.is_wrong():
            throttle.succeeded(guess)
        else:
            throttle.failed(guess)
        return valid

    def guess(self) -> Guess:
        """Return what the form's sender guesses."""
        raise NotImplementedError

    def is_wrong(self) -> bool:
        """Return whether the secret made the form invalid."""
        return True

    def refusal(self) -> str:
        """Return why the right secret opens nothing; empty where it does."""
        return ""

    def validate_next(self, field: Field) -> None:
        """Redirect only to our own pages. A bad link does not prevent signing in."""
        if field.data and not is_own_page(field.data):
            field.data = ""


class ThrottledLoginForm(LogsRejection, _AsksForSecret, LoginForm):
    """Sign-in that gives the same answer for a wrong password and a missing account."""

    remember = None  # no cookie outlives the session
    locked = _LOCKED | {Lock.ACCOUNT: _LOCKED_SIGN_IN}

    def validate(self, **kwargs: object) -> bool:
        """Check like every form with a secret, and explain a refusal."""
        valid = super().validate(**kwargs)
        if not valid and not self.form_errors and self.email.data and self.password.data:
            self.email.errors = self.password.errors = []
            self.form_errors.append(gettext(self._why_not()))
        if valid:
            provided_session.forget()
            check_at_sign_in(cast(User, self.user), str(self.password.data))
        return valid

    def guess(self) -> Guess:
        """Count by the e-mail address, which is normalised by now."""
        name = str(self.email.data)
        return Guess(secret=Secret.SIGN_IN, name=name, account=services().accounts.by_email(name))

    def is_wrong(self) -> bool:
        """Return whether the password was wrong. With the right one, a disabled account is not a failure."""
        return not self.user_authenticated

    def refusal(self) -> str:
        """Return that the account's owner signs in elsewhere, if so."""
        if services().accounts.takes_password(cast(User, self.user)):
            return ""
        return str(gettext(_PROVIDED, provider=services().settings.oidc_name))

    def _why_not(self) -> str:
        if not self.user_authenticated:
            return _WRONG
        return _WAITS if cast(User, self.user).waits else _DISABLED


class _AsksForCode(_AsksForSecret):
    user: Any

    def guess(self) -> Guess:
        """Count both kinds of code together."""
        return Guess(secret=Secret.CODE, name=self.user.key, account=self.user)


class ThrottledCodeForm(LogsRejection, _AsksForCode, TwoFactorVerifyCodeForm):
    """The authenticator's code."""

    def validate(self, **kwargs: object) -> bool:
        """Check like every form with a secret, and say in our words what to do about a wrong code."""
        valid = super().validate(**kwargs)
        if self.code.errors:
            self.code.errors = [str(WRONG_CODE)]
        return valid


class ThrottledRecoveryForm(LogsRejection, _AsksForCode, MfRecoveryForm):
    """A recovery code."""


class _AsksForOwnPassword(_AsksForSecret):
    def guess(self) -> Guess:
        """Count what somebody tries at a signed-in browser."""
        user: User = current_user._get_current_object()
        return Guess(secret=Secret.CONFIRMATION, name=user.key, account=user)


class ThrottledConfirmForm(LogsRejection, _AsksForOwnPassword, ConfirmForm):
    """The password again, or a code of the authenticator app."""


class ThrottledChangeForm(LogsRejection, _AsksForOwnPassword, ChangePasswordForm):
    """The present password and a new one."""

    def is_wrong(self) -> bool:
        """Return whether the present password was wrong. A weak new one is not a failure."""
        return get_message("INVALID_PASSWORD")[0] in (self.password.errors or ())


class NewPasswordForm(LogsRejection, ResetPasswordForm):
    """A new password, chosen by a link."""


def is_own_page(address: str) -> bool:
    """Return whether an address is one of ours, and does not only look like one."""
    try:
        return "\\" not in address and validate_redirect_url(address) and urlsplit(address).port != 0
    except ValueError:
        return False
