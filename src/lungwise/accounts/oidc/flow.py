"""One way to the provider and back: what was asked, kept in the browser's own session until the answer comes."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

LONGEST: Final = timedelta(minutes=15)
"""How long somebody may take at the provider."""
_ENTRY = "oidc"
"""The session's entry; there is one, so that a way that is begun anew ends the one before."""


class Purpose(StrEnum):
    """Why somebody goes to the provider."""

    SIGN_IN = "sign in"
    CONFIRM = "confirm"
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What was asked of the provider.

    Parameters
    ----------
    state
        Comes back with the answer, and shows that this browser asked for it.
    nonce
        Comes back inside the token, and shows that the token answers this question.
    verifier
        PKCE: shows the provider that who redeems the code is who asked for it.
    then
        The page that was wanted.
    begun_at
        In seconds since 1970.
    """

    purpose: Purpose
    state: str
    nonce: str
    verifier: str
    then: str
    begun_at: int

    @classmethod
    def begin(cls, session: MutableMapping[str, Any], purpose: Purpose, then: str, now: datetime) -> Self:
        """Make a way with secrets of its own, and keep it in the session."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        begun_at = int(now.timestamp())
        flow = cls(purpose=purpose, state=state, nonce=nonce, verifier=verifier, then=then, begun_at=begun_at)
        session[_ENTRY] = asdict(flow)
        return flow

    @classmethod
    def take(cls, session: MutableMapping[str, Any], state: str, now: datetime) -> Self | None:
        """Return the way that an answer belongs to, once; None where this browser asked for no such answer.

        An answer with another state leaves the way as it is: a link that somebody else made must not end it.
        """
        kept = session.get(_ENTRY)
        if not kept or not hmac.compare_digest(kept["state"].encode(), state.encode("utf-8", "replace")):
            return None
        flow = cls(**{**session.pop(_ENTRY), "purpose": Purpose(kept["purpose"])})
        return flow if now.timestamp() - flow.begun_at <= LONGEST.total_seconds() else None
