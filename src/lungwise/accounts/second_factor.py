"""The second factor: its page, who must have one, and what asks for the password or a code again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext, lazy_gettext
from flask_security import VerifyForm
from flask_security.utils import check_and_update_authn_fresh
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import Length

from lungwise.accounts import provided_session
from lungwise.accounts.forms import CODE, SetUpForm
from lungwise.accounts.models import User
from lungwise.accounts.notices import notify
from lungwise.accounts.request_services import services, user
from lungwise.accounts.throttle import Guess, Secret
from lungwise.audit.actions import Action
from lungwise.errors import Rejected
from lungwise.webkit import rejections

Answer = str | Response
FRESH_FOR = timedelta(minutes=15)
"""How long the account itself may be changed after the password or a code was entered."""
_KEY = "tf_totp_secret"
"""The session's entry for a key that is being set up, encrypted. Flask-Security clears it at sign-in and sign-out."""
STILL_OPEN = frozenset(
    {
        *("static", "healthz", "readyz", "metrics"),
        *("security.two_factor_setup", "security.verify", "security.logout"),
        *("oidc.confirm", "oidc.callback"),
    }
)
"""Pages for those who still have to set up a second factor."""
WRONG_CODE = lazy_gettext("This code is wrong or was already used. Wait for the next one.")


class ConfirmForm(VerifyForm):
    """The password again, or a code of the authenticator app."""

    password = PasswordField(lazy_gettext("Password"), render_kw={"autocomplete": "current-password"})
    code = StringField(lazy_gettext("Or a code from your authenticator app"), [Length(max=64)], render_kw=CODE)

    def validate(self, **kwargs: object) -> bool:
        """Check the code if there is one, otherwise the password."""
        owner = cast(User, self.user)
        self.password.data = self.password.data or ""
        if not self.code.data or not owner.tf_totp_secret:
            return services().accounts.takes_password(owner) and super().validate(**kwargs)
        if not super(VerifyForm, self).validate(**kwargs):
            return False
        if is_valid_code(owner, self.code.data, owner.tf_totp_secret):
            return True
        self.code.errors = [str(WRONG_CODE)]
        return False


def is_valid_code(owner: User, code: str, key: str) -> bool:
    """Return whether an authenticator app with the key shows this code now. The code is then used up."""
    return bool(current_app.extensions["security"].totp_factory.verify_totp(code, key, owner))


def is_fresh() -> bool:
    """Return whether the password or a code was entered within the last 15 minutes."""
    return bool(check_and_update_authn_fresh(FRESH_FOR, timedelta(0), "session"))


def ask_to_confirm(then: str) -> Response:
    """Redirect to where the password or a code is entered again, and from there to `then`."""
    rejections.note(rejections.NOT_FRESH)
    return redirect(url_for("security.verify", next=then))


def require_code(code: str) -> None:
    """Require a code of the second factor of who is signed in, which is used up. Guesses count as at sign-in.

    The request must have written nothing yet.

    Raises
    ------
    Rejected
        If there is no second factor, the code is wrong, or too many were.
    """
    owner, throttle = user(), services().throttle
    if not owner.has_second_factor:
        raise Rejected("You have no second factor. Set it up on your account page first.")
    guess = Guess(secret=Secret.CODE, name=owner.key, account=owner)
    if throttle.admit(guess):
        raise Rejected("Too many attempts. Wait a few minutes.")
    if not is_valid_code(owner, code, owner.tf_totp_secret or ""):
        throttle.failed(guess)
        raise Rejected("This code is wrong or was already used. Wait for the next one.")
    throttle.succeeded(guess)


def require_second_factor() -> Response | None:
    """Redirect those who must have a second factor, and do not, to where it is set up."""
    if request.endpoint in STILL_OPEN or not user().is_authenticated:
        return None
    if user().has_second_factor or provided_session.has_second_factor():
        return None
    if not services().accounts.must_have_second_factor(user()):
        return None
    rejections.note(rejections.NO_SECOND_FACTOR)
    return redirect(url_for("security.two_factor_setup"))


def second_factor() -> Answer:
    """Show the second factor, set it up or remove it."""
    page = url_for("security.two_factor_setup")
    if not is_fresh():
        return ask_to_confirm(page)
    form, step = SetUpForm(), request.form.get("setup")
    if request.method != "POST":
        return _page(form)
    if step == "disable":
        return _remove()
    if step == "cancel":
        session.pop(_KEY, None)
        return redirect(page)
    if step == "authenticator" and _KEY not in session:
        session[_KEY] = current_app.extensions["security"].totp_factory.generate_totp_secret()
    if not step and _KEY in session and form.validate() and _confirmed(form):
        return _offer_recovery_codes()
    return _page(form)


def _confirmed(form: SetUpForm) -> bool:
    """Set the key up if the code is right. Otherwise the key stays, and the phone need not scan it again."""
    owner, key = user(), session[_KEY]
    if not is_valid_code(owner, form.code.data or "", key):
        rejections.note("fields: code")
        form.code.errors = [str(WRONG_CODE)]
        return False
    services().throttle.forget(Guess(secret=Secret.CODE, name=owner.key))  # guesses at the old key
    owner.tf_primary_method, owner.tf_totp_secret = "authenticator", key
    session.pop(_KEY)
    notify(owner, Action.CHANGED_SECOND_FACTOR)
    return True


def _offer_recovery_codes() -> Response:
    flash(gettext("Your second factor is set up. Now create recovery codes, in case you lose your phone."))
    return redirect(url_for("security.mf_recovery_codes"))


def _remove() -> Response:
    owner = user()
    if services().accounts.must_have_second_factor(owner):
        raise Rejected("A second factor is required here. Set it up for a new phone instead.")
    owner.tf_primary_method = owner.tf_totp_secret = owner.tf_counter = owner.mf_recovery_codes = None
    session.pop(_KEY, None)
    notify(owner, Action.REMOVED_SECOND_FACTOR)
    flash(gettext("The second factor is turned off."))
    return redirect(url_for("accounts.profile"))


def _page(form: SetUpForm) -> str:
    required = services().accounts.must_have_second_factor(user())
    shown: dict[str, Any] = {"set_up": user().has_second_factor, "required": required}
    if _KEY in session:
        values = current_app.extensions["security"].totp_factory.fetch_setup_values(session[_KEY], user())
        shown |= {"picture": values["image"], "key": values["key"]}
    return render_template("security/two_factor_setup.html", form=form, **shown)


def skip_code_page() -> Response | None:
    """Redirect those who are signed in away from the page for codes, where Flask-Security would sign them out."""
    if request.endpoint == "security.two_factor_token_validation" and user().is_authenticated:
        return redirect(url_for("security.two_factor_setup"))
    return None
