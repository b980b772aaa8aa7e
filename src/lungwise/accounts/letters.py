"""What the mails say."""

from __future__ import annotations

from collections.abc import Callable

from lungwise.accounts.links import recovery_path
from lungwise.accounts.models import User
from lungwise.accounts.outbox import Letter
from lungwise.films.refusals import N_
from lungwise.languages import words_of
from lungwise.settings import Settings

_RECOVERY = N_("Choose a new password")
_RECOVERY_TEXT = N_(
    "Someone, perhaps you, asked for a new password for your Lungwise account. Open this link to choose "
    "one. It works once, within two hours:"
)
_RECOVERY_END = N_("If you did not ask for it, do nothing: your password stays as it is.")
_INVITATION = N_("Your invitation to Lungwise")
_INVITATION_TEXT = N_("Open this link to choose your password:")
_OPENED = N_("Your Lungwise account")
_OPENED_TEXT = N_("Someone, perhaps you, created an account with this address.")
_TAKEN = N_("You already have an account")
_TAKEN_TEXT = N_("Someone, perhaps you, tried to create an account with this address, which already has one.")

Translate = Callable[[str], str]


def words_for(user: User, otherwise: Translate) -> Translate:
    """Return the words of an account's own language; `otherwise` where it has chosen none."""
    return words_of(user.language) if user.language else otherwise


def recovery_letter(user: User, settings: Settings, translate: Translate) -> Letter:
    """Write a letter with a link to choose a new password."""
    link = settings.public_url + recovery_path(user, settings)
    parts = (translate(_RECOVERY_TEXT), link, translate(_RECOVERY_END))
    return Letter(to=user.email, subject=translate(_RECOVERY), text=_joined(*parts))


def invitation_letter(to: str, link: str, translate: Translate) -> Letter:
    """Write a letter with an invitation's link."""
    text = _joined(translate(_INVITATION_TEXT), link)
    return Letter(to=to, subject=translate(_INVITATION), text=text)


def registration_letter(to: str, translate: Translate, *, opened: bool) -> Letter:
    """Write to the owner of an address that somebody opened an account with it, or tried to."""
    subject, text = (_OPENED, _OPENED_TEXT) if opened else (_TAKEN, _TAKEN_TEXT)
    return Letter(to=to, subject=translate(subject), text=_joined(translate(text)))


def _joined(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"
