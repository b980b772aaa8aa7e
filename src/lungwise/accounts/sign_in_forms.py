"""The forms that ask for a secret: each guess is counted, and where there were too many, none is looked at."""

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

from lungwise.accounts.models import User
from lungwise.accounts.request_services import services
from lungwise.accounts.second_factor import WRONG_CODE, OnceMoreForm
from lungwise.accounts.throttle import Guess, Lock, Secret
from lungwise.accounts.weak_passwords import judge
from lungwise.films.refusals import N_
from lungwise.webkit.forms import LogsRejection

_LOCKED = {
    Lock.ACCOUNT: N_("There were too many attempts. Wait a few minutes."),
    Lock.ADDRESS: N_("There were too many attempts from your network. Wait a few minutes."),
}
_LOCKED_SIGN_IN = N_("There were too many attempts. Wait a few minutes, or reset your password.")
_WRONG = N_("This e-mail address and password do not belong together.")
_DISABLED = N_("This account is disabled. Ask your clinic's administrator.")
_WAITS = N_("Your account waits for your clinic's administrator to approve it.")


def guesses_at(user: User) -> tuple[Guess, Guess]:
    """Give what a new password makes void: guesses at the old one, when signing in and when signed in.

    A lock on codes stays: who has the password's mails would otherwise have as many guesses at them as he likes.
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
        """Check what needs no secret, then whether guesses are locked out, then the guess."""
        if not Form.validate(self, **kwargs):
            return False
        guess, throttle = self.guess(), services().throttle
        lock = throttle.admit(guess)
        if lock:
            self.form_errors.append(gettext(self.locked[lock]))
            return False
        valid = bool(super().validate(**kwargs))  # type: ignore[misc]
        if valid or not self.is_wrong():
            throttle.succeeded(guess)
        else:
            throttle.failed(guess)
        return valid

    def guess(self) -> Guess:
        """Say at what the form's sender guesses."""
        raise NotImplementedError

    def is_wrong(self) -> bool:
        """Say whether it was the secret that made the form invalid."""
        return True

    def validate_next(self, field: Field) -> None:
        """Go nowhere else than to our own pages; who is led there by a bad link still signs in."""
        if field.data and not is_own_page(field.data):
            field.data = ""


class SlowLoginForm(LogsRejection, _AsksForSecret, LoginForm):
    """Sign-in that says the same of a wrong password and of no account."""

    remember = None  # no cookie outlives the session
    locked = _LOCKED | {Lock.ACCOUNT: _LOCKED_SIGN_IN}

    def validate(self, **kwargs: object) -> bool:
        """Check as every form with a secret does, and say why it was for nothing."""
        valid = super().validate(**kwargs)
        if not valid and not self.form_errors and self.email.data and self.password.data:
            self.email.errors = self.password.errors = []
            self.form_errors.append(gettext(self._why_not()))
        if valid:
            judge(cast(User, self.user), str(self.password.data))
        return valid

    def guess(self) -> Guess:
        """Count by the account's name, which the form has in the one spelling by now."""
        name = str(self.email.data)
        return Guess(secret=Secret.SIGN_IN, name=name, account=services().accounts.by_email(name))

    def is_wrong(self) -> bool:
        """Say whether the password was wrong: with the right one, a disabled account is no failure."""
        return not self.user_authenticated

    def _why_not(self) -> str:
        if not self.user_authenticated:
            return _WRONG
        return _WAITS if cast(User, self.user).waits else _DISABLED


class _AsksForCode(_AsksForSecret):
    user: Any

    def guess(self) -> Guess:
        """Count codes of either kind together."""
        return Guess(secret=Secret.CODE, name=self.user.key, account=self.user)


class SlowCodeForm(LogsRejection, _AsksForCode, TwoFactorVerifyCodeForm):
    """The authenticator's code."""

    def validate(self, **kwargs: object) -> bool:
        """Check as every form with a secret does, and say in our words what to do about a wrong code."""
        valid = super().validate(**kwargs)
        if self.code.errors:
            self.code.errors = [str(WRONG_CODE)]
        return valid


class SlowRecoveryForm(LogsRejection, _AsksForCode, MfRecoveryForm):
    """A recovery code."""


class _AsksForOwnPassword(_AsksForSecret):
    def guess(self) -> Guess:
        """Count what somebody at a signed-in browser tries."""
        user: User = current_user._get_current_object()
        return Guess(secret=Secret.CONFIRMATION, name=user.key, account=user)


class SlowVerifyForm(LogsRejection, _AsksForOwnPassword, OnceMoreForm):
    """The password once more, or a code of the authenticator app."""


class SlowChangeForm(LogsRejection, _AsksForOwnPassword, ChangePasswordForm):
    """The present password and a new one."""

    def is_wrong(self) -> bool:
        """Say whether it was the present password: a weak new one is no failure."""
        return get_message("INVALID_PASSWORD")[0] in (self.password.errors or ())


class NewPasswordForm(LogsRejection, ResetPasswordForm):
    """A new password, chosen by a link."""


def is_own_page(address: str) -> bool:
    """Say whether an address is one of ours, and nothing that only looks like one."""
    try:
        return "\\" not in address and validate_redirect_url(address) and urlsplit(address).port != 0
    except ValueError:
        return False
