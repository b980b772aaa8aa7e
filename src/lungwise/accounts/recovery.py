"""The page for a forgotten password. It does the same work for every address, whether or not it has an account."""

from __future__ import annotations

from flask import render_template
from flask_babel import get_locale

from lungwise.accounts.forms import RecoveryForm
from lungwise.accounts.outbox import Letter, MailKind
from lungwise.accounts.request_services import services


def ask_for_recovery() -> str:
    """Queue a mail with a link to choose a new password; where no link goes by mail, say who has one."""
    form = RecoveryForm()
    asked = services().settings.mails_links and form.validate_on_submit()
    if asked:
        letter = Letter(to=form.email.data or "", language=str(get_locale()))
        services().outbox.add(MailKind.RECOVERY, letter)
    return render_template("security/forgot_password.html", form=form, asked=asked)
