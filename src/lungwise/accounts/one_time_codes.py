"""Codes that work once: an authenticator app's, and recovery codes."""

from __future__ import annotations

import base64
import hmac
import secrets
import unicodedata
from typing import cast

from argon2.low_level import Type, hash_secret_raw
from flask import request
from flask_security import MfRecoveryCodesUtil, Totp, UserMixin
from passlib.exc import TokenError
from sqlalchemy import CursorResult, or_, update
from sqlalchemy.ext.mutable import MutableList

from lungwise.accounts.models import User
from lungwise.accounts.notices import notify
from lungwise.accounts.request_services import services
from lungwise.audit.actions import Action
from lungwise.webkit.transactions import request_session

STEP_SECONDS = 30
"""How long an authenticator app shows a code (RFC 6238)."""
CODE_CHARACTERS = 64
"""Characters of a code that are looked at, including blanks and dashes."""


class OneTimeCodes(Totp):
    """An authenticator app's codes: the present one and its neighbours are accepted, each once."""

    def verify_totp(self, token: str, totp_secret: str, user: UserMixin, window: int = 0) -> bool:
        """Check a code, and use it up.

        The wider window that Flask-Security asks for is ignored: nine codes would be valid at once.
        """
        try:
            counter = self._totp.verify(_digits(token), totp_secret, window=STEP_SECONDS).counter
        except TokenError:
            return False
        owner = cast(User, user)
        if totp_secret != owner.tf_totp_secret:  # set-up: the counter of the old key does not matter
            owner.tf_counter = counter
            return True
        return _spend(owner, counter)


def _digits(code: str) -> str:
    """Return a code in ASCII digits, whichever script it was typed in."""
    return "".join(str(unicodedata.digit(sign, "")) for sign in code[:CODE_CHARACTERS])


def _spend(user: User, counter: int) -> bool:
    """Mark a code as used. Of two requests at once, in any processes, one succeeds."""
    unused = or_(User.tf_counter.is_(None), User.tf_counter < counter)
    spent = update(User).where(User.id == user.id, unused).values(tf_counter=counter)
    result = request_session().execute(spent, execution_options={"synchronize_session": False})
    if cast("CursorResult[object]", result).rowcount == 1 or counter in _spent_here():
        _spent_here().add(counter)
        return True
    notify(user, Action.USED_A_CODE_TWICE)
    return False


def _spent_here() -> set[int | str]:
    """Return the codes that this request has used: repeated after a collision, it may meet its own."""
    spent: set[int | str] = request.environ.setdefault("lungwise.spent_codes", set())
    return spent


class RecoveryCodes(MfRecoveryCodesUtil):
    """Recovery codes. Only their hashes are kept, each with its own salt."""

    def create_recovery_codes(self, user: UserMixin) -> list[str]:
        """Make new codes, which are shown once. The old ones stop working."""
        codes = [_written(secrets.token_hex(6)) for _ in range(8)]
        settings = services().settings
        owner = cast(User, user)
        owner.mf_recovery_codes = MutableList(
            hash_code(code, secrets.token_bytes(16), time=settings.argon2_time, memory=settings.argon2_memory)
            for code in codes
        )
        notify(owner, Action.MADE_RECOVERY_CODES)
        return codes

    def get_recovery_codes(self, user: UserMixin) -> list[str]:
        """Return nothing: the codes cannot be shown again."""
        return []

    def check_recovery_code(self, user: UserMixin, code: str) -> bool:
        """Check a code, and use it up. Of two requests at once, in any processes, one succeeds."""
        owner = cast(User, user)
        request_session().refresh(owner, with_for_update=True)
        kept = list(owner.mf_recovery_codes or ())
        given = {_like(code, one) for one in {one.rpartition(".")[0]: one for one in kept}.values()}
        found = [one for one in kept if any(hmac.compare_digest(one, other) for other in given)]
        if found:
            owner.mf_recovery_codes = MutableList(one for one in kept if one not in found)
            _spent_here().add(code)
        return code in _spent_here()

    def delete_recovery_code(self, user: UserMixin, code: str) -> bool:
        """Do nothing: a valid code is used up already."""
        return True


def hash_code(code: str, salt: bytes, *, time: int, memory: int) -> str:
    """Hash a recovery code with argon2id. The hash includes its parameters, and contains no comma."""
    signs = unicodedata.normalize("NFKC", code[:CODE_CHARACTERS]).casefold()
    secret = "".join(sign for sign in signs if sign.isalnum()).encode()  # without blanks and dashes of any kind
    raw = hash_secret_raw(secret, salt, time, memory, parallelism=1, hash_len=16, type=Type.ID)
    return f"{time}.{memory}.{_text(salt)}.{_text(raw)}"


def _like(code: str, kept: str) -> str:
    """Hash a code with the parameters of a stored hash."""
    time, memory, salt, _hash = kept.split(".")
    return hash_code(code, base64.urlsafe_b64decode(salt), time=int(time), memory=int(memory))


def _written(code: str) -> str:
    """Format a code so that it is easy to read and type."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
