"""Notices: an account's owner is told of what changes who can get into it, and the audit trail keeps it."""

from __future__ import annotations

from flask_babel import gettext

from lungwise.accounts.models import User
from lungwise.accounts.outbox import Letter, MailKind
from lungwise.accounts.request_services import services
from lungwise.films.refusals import N_

NOTICES = {
    "changed password": N_("Your password was changed."),
    "reset password": N_("Your password was chosen anew by a link."),
    "changed second factor": N_("A second factor was set up for your account."),
    "removed second factor": N_("The second factor of your account was taken away."),
    "reset second factor": N_("An administrator took away the second factor of your account."),
    "made recovery codes": N_("New recovery codes were made for your account. The old ones stopped working."),
    "made token": N_("A token was made with which a program uses Lungwise in your name."),
    "signed in with a new device": N_("Somebody signed in to your account with a device that was not used before."),
    "used a code twice": N_("A code of your authenticator app was given twice. The second time it was refused."),
}
"""What is said of each change. The profile page lists the last of them."""
_IF_NOT_YOU = N_("If that was not you, tell your clinic's administrator at once.")


def tell(user: User, deed: str) -> None:
    """Record a change to an account, and queue a mail to its owner."""
    services().audit.record(user.person, deed, "account", user.key)
    send(user, deed)


def send(user: User, deed: str) -> None:
    """Queue a mail to an account's owner of a change that is recorded already."""
    text = f"{gettext(NOTICES[deed])} {gettext(_IF_NOT_YOU)}\n"
    letter = Letter(to=user.email, subject=gettext("A change to your Lungwise account"), text=text)
    services().outbox.add(MailKind.NOTICE, letter)
