"""Notices: an account's owner is told of what changes who can get into it, and the audit trail keeps it."""

from __future__ import annotations

from flask_babel import gettext

from lungwise.accounts.letters import Translate, words_for
from lungwise.accounts.models import User
from lungwise.accounts.outbox import Letter, MailKind
from lungwise.accounts.request_services import services
from lungwise.audit.actions import Action, Subject
from lungwise.films.refusals import N_

NOTICES = {
    Action.CHANGED_PASSWORD: N_("Your password was changed."),
    Action.RESET_PASSWORD: N_("A new password was chosen through a link."),
    Action.CHANGED_SECOND_FACTOR: N_("A second factor was set up for your account."),
    Action.REMOVED_SECOND_FACTOR: N_("The second factor of your account was turned off."),
    Action.RESET_SECOND_FACTOR: N_("An administrator turned off the second factor of your account."),
    Action.MADE_RECOVERY_CODES: N_("New recovery codes were created for your account. The old ones no longer work."),
    Action.MADE_TOKEN: N_("A token was created that lets a program use Lungwise in your name."),
    Action.LINKED_SIGN_IN: N_("Your account was linked with an account at the identity provider, which opens it now."),
    Action.TOOK_NAME: N_("The name of your account was changed."),
    Action.SIGNED_IN_WITH_A_NEW_DEVICE: N_("Someone signed in to your account on a new device."),
    Action.USED_A_CODE_TWICE: N_(
        "A code from your authenticator app was entered twice. The second time it was refused."
    ),
}
"""What is said of each change. The profile page lists the last of them."""
_SUBJECT = N_("A change to your Lungwise account")
_IF_NOT_YOU = N_("If that was not you, tell your clinic's administrator at once.")


def notify(user: User, action: Action) -> None:
    """Record a change to an account, and queue a mail to its owner."""
    services().audit.record(user.person, action, Subject.ACCOUNT, user.key)
    send(user, action)


def send(user: User, action: Action) -> None:
    """Queue a mail to an account's owner of a change that is recorded already."""
    services().outbox.add(MailKind.NOTICE, notice(user, action, gettext))


def notice(user: User, action: Action, otherwise: Translate) -> Letter:
    """Write to an account's owner of a change, in their language; in `otherwise` where they have chosen none."""
    words = words_for(user, otherwise)
    text = f"{words(NOTICES[action])} {words(_IF_NOT_YOU)}\n"
    return Letter(to=user.email, subject=words(_SUBJECT), text=text)
