"""The provider's public keys, kept for an hour."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.jwk import Key, RSAKey

from lungwise.accounts.oidc.errors import NotVouchedForError, ProviderError
from lungwise.store import Clock

ALGORITHMS: Final = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
}
"""How a token may be signed, and with which kind of key: never without a key, nor with a secret that we know too."""
KEPT = timedelta(hours=1)
MOST_KEYS = 50
_AGAIN = timedelta(seconds=10)
"""How soon keys are fetched again, for an unknown one or after a failure: anybody can send tokens that name one."""
_LEAST_RSA_BITS = 2048


class SigningKeys:
    """The keys that the provider signs with.

    Parameters
    ----------
    fetch
        Gets the provider's key set.
    """

    def __init__(self, fetch: Callable[[], dict[str, Any]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: list[Key] = []
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None

    def find(self, header: dict[str, Any]) -> Key:
        """Find the key of a token's header.

        Raises
        ------
        NotVouchedForError
            If the provider has no such key, or more than one where the header names none.
        ProviderError
            If the keys cannot be fetched.
        """
        with self._lock:
            found = [] if self._is_past(self._fetched_at, KEPT) else self._matching(header)
            if not found and self._is_past(self._tried_at, _AGAIN):
                self._refresh()
                found = self._matching(header)
        if len(found) != 1:
            raise NotVouchedForError("the token names a key that the provider does not have")
        return found[0]

    def _is_past(self, moment: datetime | None, age: timedelta) -> bool:
        return moment is None or self._clock() - moment > age

    def _refresh(self) -> None:
        self._tried_at = self._clock()
        listed = self._fetch().get("keys")
        if not isinstance(listed, list) or len(listed) > MOST_KEYS:
            raise ProviderError("its key set is none, or too large")
        self._keys = [key for one in listed if (key := _usable(one)) is not None]
        self._fetched_at = self._clock()

    def _matching(self, header: dict[str, Any]) -> list[Key]:
        kind, name = ALGORITHMS.get(str(header.get("alg"))), header.get("kid")
        own = [key for key in self._keys if key.key_type == kind]
        return own if name is None else [key for key in own if key.kid == name][:1]


def _usable(one: object) -> Key | None:
    """Return a public key to verify with; what is of another kind, or weak, is passed over."""
    if not isinstance(one, dict) or one.get("kty") not in ALGORITHMS.values() or one.get("use", "sig") != "sig":
        return None
    try:
        key = jwk.import_key(one)
        weak = isinstance(key, RSAKey) and key.public_key.key_size < _LEAST_RSA_BITS
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if weak else key
