"""Flask-Security, set up: sign in and out, change and recover a password, second factor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NoReturn, cast

from flask import Flask, Request, abort, redirect, request, session, url_for
from flask_babel import gettext
from flask_login import user_logged_out
from flask_security import (
    EmailValidateException,
    MailUtil,
    PasswordUtil,
    Security,
    SQLAlchemySessionUserDatastore,
    current_user,
    logout_user,
    password_changed,
    password_reset,
    uia_email_mapper,
    user_authenticated,
)
from flask_security.recoverable import reset_password_token_status
from flask_security.utils import get_message
from flask_security.views import change_password, reset_password
from sqlalchemy.orm import Session, scoped_session
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.wrappers import Response

from lungwise.access import Role
from lungwise.accounts import provided_session, second_factor
from lungwise.accounts.email_addresses import normalised_email
from lungwise.accounts.links import RECOVERY_HOURS, RECOVERY_SALT, RECOVERY_URL
from lungwise.accounts.models import User
from lungwise.accounts.notices import notify
from lungwise.accounts.oidc.views import sign_out
from lungwise.accounts.one_time_codes import STEP_SECONDS, OneTimeCodes, RecoveryCodes
from lungwise.accounts.recovery import ask_for_recovery
from lungwise.accounts.request_services import services, user
from lungwise.accounts.second_factor_keys import ISSUER, totp_secrets
from lungwise.accounts.sign_in_forms import (
    NewPasswordForm,
    ThrottledChangeForm,
    ThrottledCodeForm,
    ThrottledConfirmForm,
    ThrottledLoginForm,
    ThrottledRecoveryForm,
    guesses_at,
    is_own_page,
)
from lungwise.accounts.weak_passwords import forget_weakness, require_new_password
from lungwise.audit.actions import Action
from lungwise.errors import NotFound, Rejected
from lungwise.languages import TRANSLATIONS
from lungwise.settings import Settings
from lungwise.store import utc_now
from lungwise.store.secret_key import derived_secret
from lungwise.webkit import rejections
from lungwise.webkit.transactions import has_session

SESSION = "session"
"""The cookie's entry for the key of its session's row."""


def init_security(app: Flask, settings: Settings, sessions: scoped_session[Session]) -> None:
    """Set Flask-Security up over the request's own session."""
    app.config.update(_config(settings))
    security = Security(
        app,
        _Datastore(sessions, User, Role),  # type: ignore[arg-type]
        login_form=ThrottledLoginForm,
        two_factor_verify_code_form=ThrottledCodeForm,
        mf_recovery_form=ThrottledRecoveryForm,
        verify_form=ThrottledConfirmForm,
        change_password_form=ThrottledChangeForm,
        reset_password_form=NewPasswordForm,
        mail_util_cls=AddressRules,
        password_util_cls=PasswordRules,
        totp_cls=OneTimeCodes,
        mf_recovery_codes_util_cls=RecoveryCodes,
    )
    security.want_json(lambda _request: False)  # these pages are for people; programs use the API with tokens
    app.view_functions["security.forgot_password"] = ask_for_recovery
    app.view_functions["security.reset_password"] = _reset_by_link
    app.view_functions["security.change_password"] = _change_password
    app.view_functions["security.logout"] = sign_out
    user_authenticated.connect(_signed_in, app)
    for changed in (password_reset, password_changed):
        changed.connect(_unlock, app)  # before the trail's row: counting a guess takes these locks in this order
    user_logged_out.connect(_signed_out, app)
    password_changed.connect(_changed_password, app)
    password_reset.connect(_reset_password, app)
    app.login_manager.request_loader(lambda _request: None)  # type: ignore[attr-defined]  # nor Flask-Security's tokens
    app.before_request_funcs.setdefault("security", []).append(_read_only_forms)  # after what may refuse the body
    app.view_functions["security.two_factor_setup"] = second_factor.second_factor
    app.view_functions["security.two_factor_setup_validate"] = _not_found
    app.jinja_env.globals.update(server_time=utc_now)
    app.before_request(_only_with_session)
    app.before_request(second_factor.skip_code_page)
    app.before_request(second_factor.require_second_factor)
    app.before_request(require_new_password)


def _config(settings: Settings) -> dict[str, Any]:
    options = {
        "I18N_DIRNAME": [TRANSLATIONS],  # its own lack Hindi
        "I18N_DOMAIN": "messages",
        "REGISTERABLE": False,  # our own page has clinics, invitations and approval
        "CHANGEABLE": True,
        "CHANGE_URL": "/password",
        "RECOVERABLE": True,
        "RESET_URL": RECOVERY_URL,
        "RESET_SALT": RECOVERY_SALT,
        "RESET_PASSWORD_WITHIN": timedelta(hours=RECOVERY_HOURS),
        "SEND_PASSWORD_CHANGE_EMAIL": False,  # its mails contain the host that a request names; ours do not
        "SEND_PASSWORD_RESET_NOTICE_EMAIL": False,
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
        "PASSWORD_SALT": derived_secret(settings, "password"),
        "PASSWORD_HASH_PASSLIB_OPTIONS": {
            "argon2__time_cost": settings.argon2_time,
            "argon2__memory_cost": settings.argon2_memory,
            "argon2__parallelism": 1,
        },
        "PASSWORD_LENGTH_MIN": settings.password_length,
        "USER_IDENTITY_ATTRIBUTES": [{"email": {"mapper": uia_email_mapper, "case_insensitive": False}}],
        "EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},  # a clinic may have no DNS
        "TWO_FACTOR": True,
        "TWO_FACTOR_REQUIRED": False,  # our own page asks for it after signing in
        "TWO_FACTOR_AUTHENTICATOR_VALIDITY": STEP_SECONDS,
        "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "TWO_FACTOR_RESCUE_EMAIL": False,
        "TWO_FACTOR_SETUP_URL": "/second-factor",
        "TWO_FACTOR_TOKEN_VALIDATION_URL": "/second-factor/code",
        "TWO_FACTOR_RESCUE_URL": "/second-factor/rescue",
        "TWO_FACTOR_SELECT_URL": "/second-factor/select",
        "TOTP_SECRETS": totp_secrets(settings),
        "TOTP_ISSUER": ISSUER,
        "MULTI_FACTOR_RECOVERY_CODES": True,
        "MULTI_FACTOR_RECOVERY_URL": "/second-factor/recovery",
        "MULTI_FACTOR_RECOVERY_CODES_URL": "/second-factor/recovery-codes",
        "API_ENABLED_METHODS": ["session"],
        "JOIN_USER_ROLES": False,
        "FRESHNESS": second_factor.FRESH_FOR,
        "FRESHNESS_GRACE_PERIOD": timedelta(0),  # other requests do not prolong it
        "DATETIME_FACTORY": utc_now,
    }
    return {f"SECURITY_{name}": value for name, value in options.items()}


def setup_code(settings: Settings) -> str:
    """Return the code which proves, at the first start, that somebody can read this machine's log."""
    return derived_secret(settings, "first administrator")[:12]


class _Datastore(SQLAlchemySessionUserDatastore):
    """The accounts as Flask-Security finds them."""

    def commit(self) -> None:
        """Leave that to the request: its transaction ends with its answer, and is rolled back where it is refused.

        Flask-Security commits before each answer, also one that refuses: half of a change would be kept.
        """


class PasswordRules(PasswordUtil):
    """New passwords must pass our own check."""

    def validate(self, password: str, is_register: bool, **kwargs: object) -> tuple[list[str] | None, str]:
        """Check as `Passwords.check` does."""
        owner = kwargs.get("user")
        known = (owner.email, owner.name, owner.clinic.name) if isinstance(owner, User) else ()
        plain = self.normalize(password)
        try:
            services().accounts.check_password(plain, *known)
        except Rejected as no:
            return [no.translated(gettext)], plain
        return None, plain


class AddressRules(MailUtil):
    """E-mail addresses are normalised our way. Flask-Security itself sends no mail."""

    def normalize(self, email: str) -> str:
        """Return an address as accounts store it and look it up."""
        found = normalised_email(email)
        if found is None:
            raise EmailValidateException(get_message("INVALID_EMAIL_ADDRESS")[0])
        return found

    validate = normalize


def _reset_by_link(token: str) -> Response | str:
    """Let those with a recovery link choose a new password. A link that is not valid is logged."""
    expired, invalid, owner = reset_password_token_status(token)  # type: ignore[no-untyped-call]
    if expired or invalid or owner is None:
        rejections.note(rejections.BAD_LINK)
    return cast("Response | str", reset_password(token))


def _change_password() -> Response | str:
    """Let those who have a password change it."""
    if user().is_authenticated and not services().accounts.takes_password(user()):
        raise Rejected(
            "Your account has no password here: you sign in with %(provider)s.",
            provider=services().settings.oidc_name,
        )
    return cast("Response | str", change_password())


def _not_found(token: str) -> NoReturn:
    """Replace Flask-Security's own way to set a factor up, which does not ask for the password again."""
    raise NotFound


def _unlock(_app: Flask, user: User, **_more: object) -> None:
    """Forget the guesses at the old password."""
    services().throttle.forget(*guesses_at(user))


def _signed_in(_app: Flask, user: User, **_more: object) -> None:
    """Begin a new session: nothing from before signing in stays valid."""
    session.pop("csrf_token", None)
    session.permanent = True
    services().accounts.signed_in(user)
    if services().sessions.is_new_device(user, request.user_agent.string):
        notify(user, Action.SIGNED_IN_WITH_A_NEW_DEVICE)
    provider_session = provided_session.begin(user)
    session[SESSION] = services().sessions.begin(user, request.user_agent.string, provider_session)


def _signed_out(_app: Flask, user: User, **_more: object) -> None:
    """End the session: nothing of it stays for whoever signs in at this browser next."""
    key = session.get(SESSION)
    session.clear()
    if key and isinstance(user, User):
        services().sessions.sign_out(user, key)


def _changed_password(_app: Flask, user: User, **_more: object) -> None:
    """End what the old password opened: other sessions, and tokens unless they are kept deliberately."""
    forget_weakness()
    services().sessions.end_all_but(user, session[SESSION])
    if not request.form.get("keep_tokens"):
        services().tokens.end_own(user.person)
    notify(user, Action.CHANGED_PASSWORD)


def _reset_password(_app: Flask, user: User, **_more: object) -> None:
    services().sessions.end_all(user)
    services().tokens.end_own(user.person)
    notify(user, Action.RESET_PASSWORD)


def _read_only_forms() -> None:
    """Accept a JSON body only if it stands for a form, and redirect nobody away from our pages."""
    if request.is_json and request.content_length and not _is_form(request):
        abort(400)
    if not is_own_page(request.values.get("next", "/")):
        request.args = _without_next(request.args)
        request.form = _without_next(request.form)


def _is_form(incoming: Request) -> bool:
    try:
        body = incoming.get_json()
    except RecursionError:
        return False
    return isinstance(body, dict) and all(isinstance(value, str) for value in body.values())


def _without_next(fields: MultiDict[str, str]) -> ImmutableMultiDict[str, str]:
    return ImmutableMultiDict([(name, value) for name, value in fields.items(multi=True) if name != "next"])


def _only_with_session() -> Response | None:
    """Sign out those whose cookie belongs to a session that is over."""
    if not has_session() or not current_user.is_authenticated:
        return None
    found = services().sessions.check(current_user, session.get(SESSION, ""))
    if found is None:
        rejections.note(rejections.SESSION_OVER)
        session.pop(SESSION, None)
        logout_user()
        return redirect(url_for("security.login"))
    if services().sessions.is_newly_seen(found):
        services.after_response(lambda later: later.sessions.seen(found.key))
    return None
