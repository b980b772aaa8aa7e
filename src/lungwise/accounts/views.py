"""The pages of accounts."""

from __future__ import annotations

import hmac

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext, refresh
from werkzeug.wrappers import Response
from wtforms import SelectChoice

from lungwise.accounts import notices
from lungwise.accounts.forms import (
    InvitedForm,
    InviteForm,
    ProfileForm,
    RegisterForm,
    RoleForm,
    TokenForm,
    WelcomeForm,
)
from lungwise.accounts.models import User
from lungwise.accounts.notices import NOTICES
from lungwise.accounts.person import Right, Role
from lungwise.accounts.second_factor import ask_once_more, is_fresh
from lungwise.accounts.security import SESSION, setup_code
from lungwise.accounts.service import INVITATION_DAYS, Applicant
from lungwise.accounts.throttle import Guess, Secret
from lungwise.accounts.tokens import Scope
from lungwise.errors import NotFound
from lungwise.settings import Registration
from lungwise.web.desk import attempt, desk, person, user

bp = Blueprint("accounts", __name__)
Answer = str | Response


@bp.get("/")
def home() -> Answer:
    """Show where to go: to work, to sign in, or to the first start."""
    if user().is_authenticated:
        return redirect(url_for("studies.worklist"))
    first = desk().accounts.is_empty()
    return redirect(url_for("accounts.welcome" if first else "security.login"))


@bp.route("/welcome", methods=["GET", "POST"])
def welcome() -> Answer:
    """Create the first administrator and their clinic."""
    if not desk().accounts.is_empty():
        return redirect(url_for("security.login"))
    form = WelcomeForm()
    if form.validate_on_submit() and _knows_code(form) and _add_first(form):
        flash(gettext("Your account is ready. Sign in with it."))
        return redirect(url_for("security.login"))
    return render_template("accounts/welcome.html", form=form)


@bp.route("/register", methods=["GET", "POST"])
def register() -> Answer:
    """Open an account, or ask for one."""
    policy = desk().settings.registration
    if policy is Registration.INVITATION or desk().accounts.is_empty():
        raise NotFound
    form = RegisterForm()
    form.clinic.choices = [SelectChoice(clinic.id, clinic.name) for clinic in desk().accounts.clinics()]
    if form.validate_on_submit() and attempt(form, lambda: _register(form)):
        return render_template("accounts/registered.html", approved=policy is Registration.OPEN)
    return render_template("accounts/register.html", form=form, policy=policy.value)


@bp.route("/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> Answer:
    """Open the account that somebody was invited to."""
    invited = desk().accounts.invitation(token)
    form = InvitedForm()
    if form.validate_on_submit() and attempt(
        form, lambda: desk().accounts.accept(token, form.name.data or "", form.password.data or "")
    ):
        flash(gettext("Your account is ready. Sign in with it."))
        return redirect(url_for("security.login"))
    return render_template("accounts/invitation.html", form=form, invited=invited)


@bp.route("/profile", methods=["GET", "POST"])
def profile() -> Answer:
    """Show and change one's own account."""
    own = user()
    form = ProfileForm(obj=own)
    if form.validate_on_submit():
        account: User = own._get_current_object()  # type: ignore[attr-defined]
        desk().accounts.change_profile(account, (form.name.data or "").strip(), form.language.data or None)
        refresh()
        flash(gettext("Saved."))
        return redirect(url_for("accounts.profile"))
    return render_template(
        "accounts/profile.html",
        form=form,
        own=own,
        sessions=desk().sessions.own(own),
        present=session[SESSION],
        tokens=desk().tokens.own(person()),
        changes=desk().audit.of_account(own.clinic_id, own.key, list(NOTICES)),
        notices=NOTICES,
    )


@bp.post("/profile/sessions/<key>/end")
def end_session(key: str) -> Answer:
    """End one of one's own sessions."""
    desk().sessions.end(user(), key)
    flash(gettext("The session is ended."))
    return redirect(url_for("accounts.profile"))


@bp.post("/profile/sessions/end-others")
def end_other_sessions() -> Answer:
    """End every session of one's own but this one."""
    desk().sessions.end_others(user(), but=session[SESSION])
    flash(gettext("All other sessions are ended."))
    return redirect(url_for("accounts.profile"))


@bp.route("/profile/tokens", methods=["GET", "POST"])
def tokens() -> Answer:
    """List one's own tokens for programs, and make more."""
    return _tokens(machine=False)


@bp.post("/profile/tokens/<key>/revoke")
def revoke_token(key: str) -> Answer:
    """End one of one's own tokens."""
    desk().tokens.revoke(person(), key)
    flash(gettext("The token is revoked."))
    return redirect(url_for("accounts.profile" if request.args.get("back") == "profile" else "accounts.tokens"))


@bp.route("/accounts/tokens", methods=["GET", "POST"])
def machine_tokens() -> Answer:
    """List the tokens of the clinic's machines, and make more."""
    person().need(Right.ADMINISTER)
    return _tokens(machine=True)


@bp.post("/accounts/tokens/<key>/revoke")
def revoke_machine_token(key: str) -> Answer:
    """End a machine's token."""
    person().need(Right.ADMINISTER)
    desk().tokens.revoke(person(), key)
    flash(gettext("The token is revoked."))
    return redirect(url_for("accounts.machine_tokens"))


@bp.route("/accounts", methods=["GET", "POST"])
def colleagues() -> Answer:
    """List the clinic's accounts, and invite more."""
    person().need(Right.ADMINISTER)
    form = InviteForm()
    link = None
    if form.validate_on_submit():
        email = form.email.data or ""
        token = desk().accounts.invite(person(), email, Role(form.role.data))
        link = url_for("accounts.invitation", token=token, _external=True)
        _send_invitation(email, link)
    accounts = desk().accounts.colleagues(person())
    forms = {account.key: RoleForm(formdata=None, role=account.role) for account in accounts}
    return render_template(
        "accounts/colleagues.html", form=form, accounts=accounts, forms=forms, link=link, days=INVITATION_DAYS
    )


@bp.post("/accounts/<key>/approve")
def approve(key: str) -> Answer:
    """Let a waiting account in."""
    desk().accounts.approve(person(), key)
    return _back_to_colleagues()


@bp.post("/accounts/<key>/disable")
def disable(key: str) -> Answer:
    """Disable an account."""
    desk().accounts.set_active(person(), key, active=False)
    return _back_to_colleagues()


@bp.post("/accounts/<key>/enable")
def enable(key: str) -> Answer:
    """Enable an account again."""
    desk().accounts.set_active(person(), key, active=True)
    return _back_to_colleagues()


@bp.post("/accounts/<key>/role")
def change_role(key: str) -> Answer:
    """Give a colleague another role."""
    desk().accounts.colleague(person(), key)
    form = RoleForm()
    if form.validate_on_submit():
        desk().accounts.change_role(person(), key, Role(form.role.data))
    return _back_to_colleagues()


@bp.post("/accounts/<key>/second-factor")
def reset_second_factor(key: str) -> Answer:
    """Take away a colleague's second factor."""
    notices.send(desk().accounts.reset_second_factor(person(), key), "reset second factor")
    return _back_to_colleagues()


def _tokens(*, machine: bool) -> Answer:
    form, text = TokenForm(), None
    if request.method == "POST" and not is_fresh():
        return ask_once_more(request.path)
    if form.validate_on_submit():
        name, days = form.name.data or "", form.days.data
        scopes = [Scope(scope) for scope in form.scopes.data or ()]
        made = attempt(form, lambda: desk().tokens.add(person(), name, scopes, days, machine=machine))
        text = made[1] if made else None
        if made:
            notices.tell(user(), "made token")
    listed = desk().tokens.machines(person()) if machine else desk().tokens.own(person())
    return render_template(
        "accounts/tokens.html", form=form, tokens=listed, text=text, machine=machine, fresh=is_fresh()
    )


def _back_to_colleagues() -> Response:
    flash(gettext("Saved."))
    return redirect(url_for("accounts.colleagues"))


def _knows_code(form: WelcomeForm) -> bool:
    guess, throttle = Guess(secret=Secret.SETUP_CODE, name=""), desk().throttle
    if throttle.admit(guess):
        form.form_errors.append(gettext("There were too many attempts. Wait a few minutes."))
        return False
    given, known = (form.code.data or "").strip().encode(), setup_code(desk().settings).encode()
    if hmac.compare_digest(given, known):
        throttle.succeeded(guess)
        return True
    throttle.failed(guess)
    form.code.errors = [gettext("This is not the code that was printed.")]
    return False


def _add_first(form: WelcomeForm) -> bool:
    applicant = Applicant(form.name.data or "", form.email.data or "", form.password.data or "")
    clinic = (form.clinic_name.data or "").strip()
    return attempt(form, lambda: desk().accounts.add(applicant, clinic, Role.ADMINISTRATOR)) is not None


def _register(form: RegisterForm) -> bool:
    """Register, and answer the same whether or not the address has an account already."""
    applicant = Applicant(form.name.data or "", form.email.data or "", form.password.data or "")
    added = desk().accounts.register(applicant, form.clinic.data)
    if added is None:
        post = desk().post
        subject = gettext("You have an account already")
        body = gettext("Somebody, perhaps you, tried to open an account with this address, which has one already.")
        desk().after_commit.append(lambda: post.send(applicant.email, subject, body))
    return True


def _send_invitation(email: str, link: str) -> None:
    post, subject = desk().post, gettext("Your invitation to Lungwise")
    body = gettext("Open this link to choose your password:") + "\n\n" + link + "\n"
    desk().after_commit.append(lambda: post.send(email, subject, body))
