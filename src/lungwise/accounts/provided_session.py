"""What a browser's session keeps of the identity provider that it began with."""

from __future__ import annotations

import time

from flask import session

from lungwise.accounts.models import User
from lungwise.accounts.oidc.claims import ProvidedPerson

_COMING = "oidc_coming"
"""The session's entry for who was vouched for and is not signed in yet, because a code is asked for first."""
_SECOND_FACTOR = "oidc_second_factor"
"""The session's entry that says that it began at the provider, and whether a second factor was used there."""


def remember(user: User, person: ProvidedPerson) -> None:
    """Keep what the provider said of somebody until they are signed in."""
    session[_COMING] = [user.fs_uniquifier, person.provider_session, person.has_second_factor]


def begin(user: User) -> str | None:
    """Return the key of the provider's session that somebody signs in with; None if they sign in without it.

    Whatever an earlier session of this browser had from the provider is forgotten.
    """
    session.pop(_SECOND_FACTOR, None)
    whose, provider_session, has_second_factor = session.pop(_COMING, None) or ("", "", False)
    if whose != user.fs_uniquifier:
        return None
    session[_SECOND_FACTOR] = has_second_factor
    return str(provider_session)


def forget() -> None:
    """Forget who was vouched for: somebody signs in with a password instead."""
    session.pop(_COMING, None)


def set_freshness(person: ProvidedPerson) -> None:
    """Let the session be as fresh as the proof at the provider is: an old session there is none."""
    session["fs_paa"] = min(person.authenticated_at, time.time())


def is_provided() -> bool:
    """Return whether the session began at the provider."""
    return _SECOND_FACTOR in session


def has_second_factor() -> bool:
    """Return whether it began there with a second factor, as the settings count it."""
    return bool(session.get(_SECOND_FACTOR))
