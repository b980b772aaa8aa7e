"""The secret key, which signs sessions and links, and the record of which one an installation was set up with."""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

from sqlalchemy import column, select, table
from sqlalchemy.orm import Session

from lungwise.settings import Settings
from lungwise.store.database import Database
from lungwise.store.disk import write_atomically, write_once
from lungwise.store.facts import read_fact, save_fact

_FACT = "secret key"
_WAY_OUT = (
    "If it is lost for good, run: lungwise keys accept-secret. Everyone then signs in again, second factors are set up "
    "anew, and links that were sent are void; passwords, patients and films stay as they are."
)
_known: dict[Path, str] = {}
"""The keys that this process has read: a file that disappears while it runs is not made again."""


class SecretKeyError(Exception):
    """The secret key is not the one that this installation was set up with; says why, and what to do."""


def secret_key_file(settings: Settings) -> Path:
    """Return where the secret key is kept, unless it is set."""
    return settings.data_folder / "secret.key"


def signing_key(settings: Settings) -> str:
    """Return the secret key; it is made and kept in the data folder unless it is set."""
    if settings.secret_key.get_secret_value():
        return settings.secret_key.get_secret_value()
    file = secret_key_file(settings)
    _known[file] = _read(file) or _known.get(file) or _new_key(file)
    return _known[file]


def derived_secret(settings: Settings, purpose: str) -> str:
    """Return a secret for one purpose, made of the secret key."""
    return hmac.digest(signing_key(settings).encode(), purpose.encode(), "sha256").hex()


def check_secret_key(database: Database, settings: Settings) -> None:
    """Compare the secret key with the recorded one, or record it; every process begins with this.

    It is made if it is missing, unless there are accounts already.

    Raises
    ------
    SecretKeyError
        If there are accounts, and it is missing or another one.
    """
    with database.reading() as session:
        recorded, used = read_fact(session, _FACT), _has_accounts(session)
        is_own = is_own_secret_key(session, settings)
    if is_own:
        return
    file = secret_key_file(settings)
    if used and not _existing_key(settings):
        raise SecretKeyError(f"{file} is missing. Put it back, or set LUNGWISE_SECRET_KEY to it. {_WAY_OUT}")
    if used and recorded:
        raise SecretKeyError(
            f"The secret key (LUNGWISE_SECRET_KEY, or {file}) is not the one that this installation was set up with. "
            f"Put that one back. {_WAY_OUT}"
        )
    database.transact(lambda session: accept_secret_key(session, settings))


def is_own_secret_key(session: Session, settings: Settings) -> bool:
    """Return whether the secret key is there, and the one that this installation was set up with."""
    return bool(_existing_key(settings)) and read_fact(session, _FACT) == _fingerprint(settings)


def accept_secret_key(session: Session, settings: Settings) -> None:
    """Record the secret key as the installation's own. It is made if it is missing."""
    if not _existing_key(settings):
        file = secret_key_file(settings)
        _known[file] = _new_key(file)
    save_fact(session, _FACT, _fingerprint(settings))


def _fingerprint(settings: Settings) -> str:
    return hmac.digest(signing_key(settings).encode(), b"fingerprint", "sha256").hex()


def _has_accounts(session: Session) -> bool:
    return session.scalar(select(column("id")).select_from(table("users")).limit(1)) is not None


def _existing_key(settings: Settings) -> str:
    return settings.secret_key.get_secret_value() or _read(secret_key_file(settings))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _new_key(file: Path) -> str:
    """Make a key whose file is complete from the first moment; of two processes at once, both get the first's."""
    key = secrets.token_urlsafe(48).encode()
    write_once(file, key)
    if not _read(file):  # an empty file lay there, of a process that was killed
        write_atomically(file, key)
    return _read(file)
