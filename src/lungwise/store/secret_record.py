"""Which secret key an installation was set up with, so that a lost or another one is said, and not taken silently."""

from __future__ import annotations

import hmac

from sqlalchemy import column, select, table
from sqlalchemy.orm import Session

from lungwise.settings import Settings
from lungwise.store.database import Database
from lungwise.store.facts import read_fact, save_fact

_NAME = "secret key"
_WAY_OUT = (
    "If it is lost for good, run: lungwise keys accept-secret. Everyone then signs in again, second factors are set up "
    "anew, and links that were sent are void; passwords, patients and films stay as they are."
)


class SecretKeyError(Exception):
    """The secret key is not the one that this installation was set up with; says why, and what to do."""


def check_secret(database: Database, settings: Settings) -> None:
    """Compare the secret key with the one that was noted, or note it; every process begins with this.

    It is made where there is none, unless there are accounts already.

    Raises
    ------
    SecretKeyError
        If there are accounts, and it is missing or another one.
    """
    with database.reading() as session:
        known, used = read_fact(session, _NAME), _has_accounts(session)
    where = settings.secret_key_file
    if used and not settings.has_secret_key:
        raise SecretKeyError(f"{where} is missing. Put it back, or set LUNGWISE_SECRET_KEY to it. {_WAY_OUT}")
    if settings.has_secret_key and known == _fingerprint(settings):
        return
    if used and known:
        raise SecretKeyError(
            f"The secret key (LUNGWISE_SECRET_KEY, or {where}) is not the one that this installation was set up with. "
            f"Put that one back. {_WAY_OUT}"
        )
    database.transact(lambda session: note_secret(session, settings))


def note_secret(session: Session, settings: Settings) -> None:
    """Take the secret key for the installation's own from now on. It is made where there is none."""
    settings.make_secret_key()
    save_fact(session, _NAME, _fingerprint(settings))


def _fingerprint(settings: Settings) -> str:
    return hmac.digest(settings.signing_key().encode(), b"fingerprint", "sha256").hex()


def _has_accounts(session: Session) -> bool:
    return session.scalar(select(column("id")).select_from(table("users")).limit(1)) is not None
