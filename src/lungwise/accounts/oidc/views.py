"""The pages of signing in at the identity provider: there, back, and out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_security import login_user
from flask_security.views import logout
from werkzeug.wrappers import Response

from lungwise.accounts import provided_session
from lungwise.accounts.models import User
from lungwise.accounts.notices import send
from lungwise.accounts.oidc.claims import ProvidedPerson
from lungwise.accounts.oidc.errors import NotVouchedForError, ProviderError
from lungwise.accounts.oidc.flow import Flow, Purpose
from lungwise.accounts.oidc.provider import Provider
from lungwise.accounts.request_services import services, user
from lungwise.accounts.second_factor import ask_to_confirm, is_fresh
from lungwise.accounts.sign_in_forms import is_own_page
from lungwise.accounts.throttle import Guess, Secret
from lungwise.accounts.weak_passwords import forget_weakness
from lungwise.audit.actions import Action
from lungwise.errors import NotFound, Rejected
from lungwise.webkit import rejections
from lungwise.webkit.hosts import LEADS_TO
from lungwise.webkit.transactions import undo, writes

bp = Blueprint("oidc", __name__)
Answer = str | Response
_log = logging.getLogger("lungwise.security")
_LINK = "oidc_link"
"""The session's entry for an account and an identity that its owner has still to say yes to."""
_VOUCHED = "lungwise.oidc"
"""In the environment of a request: whom the provider vouched for. A code is redeemed once, though a request that
collides with another is begun anew."""


@bp.before_request
def only_with_a_provider() -> None:
    """Let these pages be there only where the settings name a provider."""
    _provider()


@bp.get("/sign-in/oidc")
def begin() -> Answer:
    """Send somebody to the provider, to sign in."""
    if user().is_authenticated:
        return redirect(url_for("studies.worklist"))
    return _go(Purpose.SIGN_IN, request.args.get("next", ""))


@bp.get("/sign-in/oidc/confirm")
def confirm() -> Answer:
    """Send somebody who is signed in to the provider, to prove anew who they are."""
    return _go(Purpose.CONFIRM, request.args.get("next", ""))


@bp.get("/profile/oidc")
def link() -> Answer:
    """Send somebody who is signed in to the provider, to link their account with theirs there."""
    if not is_fresh():
        return ask_to_confirm(url_for("accounts.profile"))
    return _go(Purpose.LINK, "")


@bp.get("/sign-in/oidc/callback")
@writes
def callback() -> Answer:
    """Take the provider's answer, which the browser brings."""
    provider = _provider()
    flow = Flow.take(session, request.args.get("state", ""), services().clock())
    if flow is None:
        return _unasked()
    vouched = request.environ.get(_VOUCHED) or _vouched(provider, flow)
    if isinstance(vouched, str):
        return _refuse(vouched)
    request.environ[_VOUCHED] = vouched
    go_on: dict[Purpose, Callable[[Flow, ProvidedPerson], Answer]] = {
        Purpose.SIGN_IN: _sign_in,
        Purpose.CONFIRM: _confirm,
        Purpose.LINK: _offer_link,
    }
    return go_on[flow.purpose](flow, vouched)


@bp.post("/profile/oidc")
def bind() -> Answer:
    """Link an account with the one at the provider that was shown."""
    if not is_fresh():
        return ask_to_confirm(url_for("accounts.profile"))
    own: User = user()._get_current_object()  # type: ignore[attr-defined]
    whose, identity = session.pop(_LINK, None) or ("", "")
    if whose != own.key:
        raise Rejected("This took too long. Begin again on your account page.")
    services().provided_accounts.link(own, identity, own.person)
    send(own, Action.LINKED_SIGN_IN)
    flash(gettext("Your account is linked with %(provider)s.", provider=_provider().name))
    return redirect(url_for("accounts.profile"))


@bp.get("/signed-out")
def signed_out() -> Answer:
    """Say that our session is over and the provider's perhaps not, and lead to where it ends."""
    provider = _provider()
    return render_template("accounts/signed_out.html", provider=provider.name, address=provider.end_session_address())


@bp.post("/sign-in/oidc/logout")
def signed_out_there() -> Answer:
    """Take the provider's word that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0)."""
    provider, throttle = _provider(), services().throttle
    token = request.form.get("logout_token", "")
    guess = Guess(secret=Secret.ANSWER, name=token)
    if throttle.admit(guess):
        return Response(status=429)
    try:
        identity, provider_session = provider.signed_out(token)
    except (NotVouchedForError, ProviderError) as error:
        _note("a logout token", error)
        throttle.failed(guess)
        return Response(status=400)
    throttle.succeeded(guess)
    services().provided_accounts.signed_out_there(identity, provider_session)
    return Response(status=200)


def sign_out() -> Answer:
    """Sign out here; who came from the provider is asked whether to sign out there too."""
    came_from_provider = provided_session.is_provided() and services().provider is not None
    answer = cast(Answer, logout())
    if came_from_provider and not user().is_authenticated:
        return redirect(url_for("oidc.signed_out"))
    return answer


def _provider() -> Provider:
    provider = services().provider
    if provider is None:
        raise NotFound
    return provider


def _go(purpose: Purpose, then: str) -> Answer:
    """Redirect to the provider; `then` is where the way ends, if it is a page of ours."""
    provider = _provider()
    flow = Flow.begin(session, purpose, then if then and is_own_page(then) else "", services().clock())
    try:
        address = provider.authorization_address(flow)
    except ProviderError as error:
        _note("the way to the identity provider", error)
        return _refuse(_away())
    parts = urlsplit(address)
    request.environ[LEADS_TO] = f"{parts.scheme}://{parts.netloc}"
    return redirect(address)


def _unasked() -> Answer:
    """Refuse an answer that this browser did not ask for, or asked for too long ago.

    Such answers are counted apart: otherwise a link on somebody's page could lock a hospital's people out.
    """
    guess = Guess(secret=Secret.ANSWER, name=request.args.get("state", ""))
    if services().throttle.admit(guess) is None:
        services().throttle.failed(guess)
    return _refuse(gettext("This sign-in was not begun here, or it took too long. Begin again."))


def _vouched(provider: Provider, flow: Flow) -> ProvidedPerson | str:
    """Return whom the provider vouches for, or the sentence that says why nobody."""
    throttle, guess = services().throttle, _guess(flow)
    if throttle.admit(guess):
        return str(gettext("Too many attempts from your network. Wait a few minutes."))
    if request.args.get("error"):
        throttle.refused(guess)
        return str(gettext("%(provider)s did not sign you in.", provider=provider.name))
    try:
        return provider.answered(flow, request.args)
    except ProviderError as error:
        _note("a sign-in", error)
        throttle.refused(guess)
        return _away()
    except NotVouchedForError as error:
        _note("a sign-in", error)
        throttle.failed(guess)
        return str(gettext("The answer of %(provider)s is not right. Begin again.", provider=provider.name))


def _guess(flow: Flow) -> Guess:
    own = user()
    account = own._get_current_object() if own.is_authenticated else None  # type: ignore[attr-defined]
    return Guess(secret=Secret.PROVIDER, name=flow.state, account=account)


def _sign_in(flow: Flow, person: ProvidedPerson) -> Answer:
    provided, throttle, guess = services().provided_accounts, services().throttle, _guess(flow)
    known = provided.of(person.identity)
    try:
        account = provided.admit(person)
    except Rejected as no:
        undo()
        throttle.refused(replace(guess, account=known))
        if known is not None and person.role is None:
            provided.shut_out(known)
        return _refuse(no.translated(gettext))
    throttle.succeeded(replace(guess, account=account))
    return _signed_in(account, person, flow.then)


def _signed_in(account: User, person: ProvidedPerson, then: str) -> Answer:
    """Sign in; who has a second factor here, and did not use one there, is asked for it first."""
    forget_weakness()
    provided_session.remember(account, person)
    if not person.has_second_factor:
        plugins: Any = current_app.extensions["security"].two_factor_plugins
        if asked := plugins.tf_enter(account, False, "oidc", then or None):
            return cast(Answer, asked)
    login_user(account, remember=False, authn_via=["oidc"])
    provided_session.set_freshness(person)
    return redirect(then or url_for("studies.worklist"))


def _confirm(flow: Flow, person: ProvidedPerson) -> Answer:
    own, guess = user(), _guess(flow)
    known = services().provided_accounts.of(person.identity)
    if not own.is_authenticated or known is None or known.id != own.id:
        services().throttle.refused(guess)
        return _refuse(gettext("You signed in as somebody else there. Nothing was confirmed."))
    services().throttle.succeeded(guess)
    session["fs_paa"] = time.time()
    return redirect(flow.then or url_for("accounts.profile"))


def _offer_link(flow: Flow, person: ProvidedPerson) -> Answer:
    """Show whom the account will be linked with: somebody else's page may have sent the browser here."""
    if not user().is_authenticated:
        return _refuse(gettext("You are signed out. Sign in again, then repeat what you did."))
    services().throttle.succeeded(_guess(flow))
    session[_LINK] = [user().key, person.identity]
    return render_template("accounts/link.html", provider=_provider().name, there=person)


def _refuse(sentence: str) -> Response:
    """Lead back to where somebody can sign in otherwise, and say why."""
    rejections.note(rejections.NOT_VOUCHED_FOR)
    flash(sentence)
    return redirect(url_for("accounts.profile" if user().is_authenticated else "security.login"))


def _away() -> str:
    sentence = gettext(
        "%(provider)s does not answer. Try again in a few minutes; accounts with a password can still sign in.",
        provider=_provider().name,
    )
    return str(sentence)


def _note(what: str, error: Exception) -> None:
    _log.warning("%s is refused: %s; from %s", what, error, request.remote_addr)
