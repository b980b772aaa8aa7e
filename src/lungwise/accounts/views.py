"""The pages of accounts."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext, refresh
from werkzeug.wrappers import Response
from wtforms import SelectChoice

from lungwise.access import Right, Role
from lungwise.accounts import notices
from lungwise.accounts.forms import (
    DeleteAccountForm,
    InvitedForm,
    InviteForm,
    ProfileForm,
    RegisterForm,
    RoleForm,
    TokenForm,
    WelcomeForm,
)
from lungwise.accounts.invitations import INVITATION_DAYS
from lungwise.accounts.letters import invitation_letter, recovery_letter, registration_letter, words_for
from lungwise.accounts.links import RECOVERY_HOURS, invitation_path
from lungwise.accounts.models import User
from lungwise.accounts.notices import NOTICES
from lungwise.accounts.outbox import Letter, MailKind
from lungwise.accounts.request_services import services, user
from lungwise.accounts.second_factor import ask_to_confirm, is_fresh
from lungwise.accounts.security import SESSION, setup_code
from lungwise.accounts.service import Applicant
from lungwise.accounts.sign_in_forms import is_own_page
from lungwise.accounts.throttle import Guess, Secret
from lungwise.accounts.tokens import Scope
from lungwise.audit.actions import Action
from lungwise.errors import NotFound
from lungwise.settings import Registration
from lungwise.webkit import i18n
from lungwise.webkit.current_person import person
from lungwise.webkit.forms import attempt

bp = Blueprint("accounts", __name__)
Answer = str | Response


def confirmed_administrator(page: Callable[..., Answer]) -> Callable[..., Answer]:
    """Let only administrators change a clinic's accounts, and ask for the password again after 15 minutes.

    Otherwise somebody who finds their browser signed in could take over every account.
    """

    @wraps(page)
    def confirmed(*args: str, **named: str) -> Answer:
        person().need(Right.ADMINISTER)
        if request.method == "POST" and not is_fresh():
            return ask_to_confirm(url_for("accounts.colleagues"))
        return page(*args, **named)

    return confirmed


@bp.get("/")
def home() -> Answer:
    """Show where to go: to work, to sign in, or to the first start."""
    if user().is_authenticated:
        return redirect(url_for("studies.worklist"))
    first = services().accounts.is_empty()
    return redirect(url_for("accounts.welcome" if first else "security.login"))


@bp.post("/language")
def language() -> Response:
    """Speak another language in this browser, whoever is signed in, and go back to the page."""
    back = request.form.get("back", "")
    response = redirect(back if back and is_own_page(back) else url_for("accounts.home"))
    i18n.choose(response, request.form.get("language", ""))
    return response


@bp.route("/welcome", methods=["GET", "POST"])
def welcome() -> Answer:
    """Create the first administrator and their clinic."""
    if not services().accounts.is_empty():
        return redirect(url_for("security.login"))
    form = WelcomeForm()
    if form.validate_on_submit() and _knows_code(form) and _add_first(form):
        flash(gettext("Your account is ready. You can sign in now."))
        return redirect(url_for("security.login"))
    return render_template("accounts/welcome.html", form=form)


@bp.route("/register", methods=["GET", "POST"])
def register() -> Answer:
    """Open an account, or ask for one."""
    clinics = services().clinics
    policies = {one.id: clinics.settings_of(one.id).registration for one in clinics.taking_registrations()}
    if not policies:
        raise NotFound
    form = RegisterForm()
    form.clinic.choices = [SelectChoice(one.id, one.name) for one in clinics.all() if one.id in policies]
    if form.validate_on_submit() and attempt(form, lambda: _register(form)):
        approved = policies[form.clinic.data] is Registration.OPEN
        return render_template("accounts/registered.html", approved=approved)
    waits = Registration.APPROVED in policies.values()
    return render_template("accounts/register.html", form=form, waits=waits, mixed=len(set(policies.values())) > 1)


@bp.route("/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> Answer:
    """Open the account that somebody was invited to."""
    invited = services().accounts.invitations.find(token)
    form = InvitedForm()
    if form.validate_on_submit() and attempt(
        form, lambda: services().accounts.accept(token, form.name.data or "", form.password.data or "")
    ):
        flash(gettext("Your account is ready. You can sign in now."))
        return redirect(url_for("security.login"))
    return render_template("accounts/invitation.html", form=form, invited=invited)


@bp.route("/profile", methods=["GET", "POST"])
def profile() -> Answer:
    """Show and change one's own account."""
    own = user()
    form = ProfileForm(obj=own)
    is_valid = form.validate_on_submit()
    if is_valid and _name(form) != own.name and not is_fresh():
        return ask_to_confirm(url_for("accounts.profile"))
    if is_valid and attempt(form, lambda: _save_profile(form)):
        refresh()
        flash(gettext("Saved."))
        response = redirect(url_for("accounts.profile"))
        i18n.choose(response, form.language.data or "")
        return response
    return render_template(
        "accounts/profile.html",
        form=form,
        own=own,
        sessions=services().sessions.own(own),
        present=session[SESSION],
        tokens=services().tokens.own(person()),
        changes=services().audit.of_account(own.clinic_id, own.key, NOTICES),
        notices=NOTICES,
    )


@bp.post("/profile/sessions/<key>/end")
def end_session(key: str) -> Answer:
    """End one of one's own sessions."""
    if not is_fresh():
        return ask_to_confirm(url_for("accounts.profile"))
    services().sessions.end(user(), key)
    flash(gettext("The session has ended."))
    return redirect(url_for("accounts.profile"))


@bp.post("/profile/sessions/end-others")
def end_other_sessions() -> Answer:
    """End every session of one's own but this one."""
    if not is_fresh():
        return ask_to_confirm(url_for("accounts.profile"))
    services().sessions.end_others(user(), but=session[SESSION])
    flash(gettext("All other sessions have ended."))
    return redirect(url_for("accounts.profile"))


@bp.route("/profile/tokens", methods=["GET", "POST"])
def tokens() -> Answer:
    """List one's own tokens for programs, and make more."""
    return _tokens(machine=False)


@bp.post("/profile/tokens/<key>/revoke")
def revoke_token(key: str) -> Answer:
    """End one of one's own tokens."""
    services().tokens.revoke(person(), key)
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
    services().tokens.revoke(person(), key)
    flash(gettext("The token is revoked."))
    return redirect(url_for("accounts.machine_tokens"))


@bp.route("/accounts", methods=["GET", "POST"])
@confirmed_administrator
def colleagues() -> Answer:
    """List the clinic's accounts and open invitations, and invite more."""
    form = InviteForm()
    if not form.validate_on_submit():
        return _colleagues(form, None)
    email, role = form.email.data or "", Role(form.role.data)
    token = attempt(form, lambda: services().accounts.invitations.add(person(), email, role))
    return _invited(email, invitation_path(token)) if token else _colleagues(form, None)


@bp.post("/accounts/invitations/<key>/take-back")
def take_invitation_back(key: str) -> Answer:
    """End an invitation that nobody has used."""
    services().accounts.invitations.take_back(person(), key)
    flash(gettext("The invitation is withdrawn."))
    return redirect(url_for("accounts.colleagues"))


@bp.post("/accounts/<key>/recovery-link")
@confirmed_administrator
def recovery_link(key: str) -> Answer:
    """Make a link with which a colleague chooses a new password: it goes to them by mail, else onto this page."""
    path = services().accounts.recovery_link(person(), key)
    colleague = services().accounts.colleague(person(), key)
    if not services().settings.mails_links:
        return _colleagues(InviteForm(formdata=None), _Link(_shown(path), colleague.email, hours=RECOVERY_HOURS))
    return _mail_link(recovery_letter(colleague, services().settings, words_for(colleague, gettext)))


@bp.post("/accounts/<key>/delete")
@confirmed_administrator
def delete(key: str) -> Answer:
    """Delete a colleague's account."""
    services().accounts.colleague(person(), key)
    if not DeleteAccountForm().validate_on_submit():
        flash(gettext("Nothing was deleted. Tick the box to confirm."))
        return redirect(url_for("accounts.colleagues"))
    services().accounts.delete(person(), key)
    flash(gettext("The account is deleted."))
    return redirect(url_for("accounts.colleagues"))


@bp.post("/accounts/<key>/approve")
@confirmed_administrator
def approve(key: str) -> Answer:
    """Approve an account that waits."""
    services().accounts.approve(person(), key)
    return _back_to_colleagues()


@bp.post("/accounts/<key>/disable")
@confirmed_administrator
def disable(key: str) -> Answer:
    """Disable an account."""
    services().accounts.set_active(person(), key, active=False)
    return _back_to_colleagues()


@bp.post("/accounts/<key>/enable")
@confirmed_administrator
def enable(key: str) -> Answer:
    """Enable an account again."""
    services().accounts.set_active(person(), key, active=True)
    return _back_to_colleagues()


@bp.post("/accounts/<key>/role")
@confirmed_administrator
def change_role(key: str) -> Answer:
    """Change a colleague's role."""
    services().accounts.colleague(person(), key)
    form = RoleForm()
    if form.validate_on_submit():
        services().accounts.change_role(person(), key, Role(form.role.data))
    return _back_to_colleagues()


@bp.post("/accounts/<key>/second-factor")
@confirmed_administrator
def reset_second_factor(key: str) -> Answer:
    """Remove a colleague's second factor."""
    notices.send(services().accounts.reset_second_factor(person(), key), Action.RESET_SECOND_FACTOR)
    return _back_to_colleagues()


def _name(form: ProfileForm) -> str:
    return (form.name.data or "").strip()


def _save_profile(form: ProfileForm) -> bool:
    own: User = user()._get_current_object()  # type: ignore[attr-defined]
    accounts, language = services().accounts, form.language.data or None
    if _name(form) != own.name:
        accounts.change_name(own, _name(form))
        notices.send(own, Action.TOOK_NAME)
    if language != own.language:
        accounts.change_language(own, language)
    return True


def _tokens(*, machine: bool) -> Answer:
    form, text = TokenForm(), None
    form.offer(may_delete=person().may(Right.DELETE))
    if request.method == "POST" and not is_fresh():
        return ask_to_confirm(request.path)
    if form.validate_on_submit():
        name, days = form.name.data or "", form.days.data
        scopes = [Scope(scope) for scope in form.scopes.data or ()]
        made = attempt(form, lambda: services().tokens.add(person(), name, scopes, days, machine=machine))
        text = made[1] if made else None
        if made:
            notices.notify(user(), Action.MADE_TOKEN)
    listed = services().tokens.machines(person()) if machine else services().tokens.own(person())
    return render_template(
        "accounts/tokens.html", form=form, tokens=listed, text=text, machine=machine, fresh=is_fresh()
    )


def _back_to_colleagues() -> Response:
    flash(gettext("Saved."))
    return redirect(url_for("accounts.colleagues"))


def _knows_code(form: WelcomeForm) -> bool:
    guess, throttle = Guess(secret=Secret.SETUP_CODE, name=""), services().throttle
    if throttle.admit(guess):
        form.form_errors.append(gettext("Too many attempts. Wait a few minutes."))
        return False
    given, known = (form.code.data or "").strip().encode(), setup_code(services().settings).encode()
    if hmac.compare_digest(given, known):
        throttle.succeeded(guess)
        return True
    throttle.failed(guess)
    form.code.errors = [gettext("This is not the set-up code.")]
    return False


def _add_first(form: WelcomeForm) -> bool:
    applicant = Applicant(form.name.data or "", form.email.data or "", form.password.data or "")
    clinic = (form.clinic_name.data or "").strip()
    return attempt(form, lambda: services().accounts.add(applicant, clinic, Role.ADMINISTRATOR)) is not None


def _register(form: RegisterForm) -> bool:
    """Register, and answer the same, in the same time, whether or not the address has an account already."""
    applicant = Applicant(form.name.data or "", form.email.data or "", form.password.data or "")
    added = services().accounts.register(applicant, form.clinic.data)
    letter = registration_letter(applicant.email, gettext, opened=added is not None)
    services().outbox.add(MailKind.REGISTRATION, letter)
    return True


@dataclass(frozen=True, slots=True)
class _Link:
    """A link that is shown to the administrator who made it: for whom it is, and how long it works."""

    address: str
    email: str
    days: int = 0
    hours: int = 0


def _invited(email: str, path: str) -> Answer:
    """Mail an invitation's link, which says to whoever opens it whether the address has an account; else show it."""
    settings = services().settings
    if settings.mails_links:
        return _mail_link(invitation_letter(email, settings.public_url + path, gettext))
    return _colleagues(InviteForm(formdata=None), _Link(_shown(path), email, days=INVITATION_DAYS))


def _mail_link(letter: Letter) -> Response:
    services().outbox.add(MailKind.NOTICE, letter)
    flash(gettext("An e-mail with the link is on its way to %(email)s.", email=letter.to))
    return redirect(url_for("accounts.colleagues"))


def _shown(path: str) -> str:
    """Return a link as the administrator sees it: it may begin with the host that their own browser asked for."""
    return (services().settings.public_url or request.host_url.rstrip("/")) + path


def _colleagues(form: InviteForm, link: _Link | None) -> str:
    accounts = services().accounts.colleagues(person())
    return render_template(
        "accounts/colleagues.html",
        form=form,
        link=link,
        accounts=accounts,
        roles={account.key: RoleForm(formdata=None, role=account.role) for account in accounts},
        deleting=DeleteAccountForm(formdata=None),
        invitations=services().accounts.invitations.open(person()),
        fresh=is_fresh(),
    )
