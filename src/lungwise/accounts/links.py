"""The links that open an account: each a path, whose host comes from the settings and never from a request."""

from __future__ import annotations

from itsdangerous import URLSafeTimedSerializer

from lungwise.accounts.models import User
from lungwise.settings import Settings
from lungwise.store.secret_key import signing_key

RECOVERY_HOURS = 2
RECOVERY_SALT = "password-recovery"
RECOVERY_URL = "/password/forgotten"
INVITATION_URL = "/invitation"


def recovery_path(user: User, settings: Settings) -> str:
    """Make the link with which an account's password is chosen anew, once.

    Flask-Security reads it, and finds the account by its `fs_uniquifier`: that is another one as soon as the password
    is.
    """
    serializer = URLSafeTimedSerializer(signing_key(settings), salt=RECOVERY_SALT)
    return f"{RECOVERY_URL}/{serializer.dumps([user.fs_uniquifier])}"


def invitation_path(token: str) -> str:
    """Return the link of an invitation's token."""
    return f"{INVITATION_URL}/{token}"
