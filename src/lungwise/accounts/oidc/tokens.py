"""Checks what the provider signs: ID tokens (OpenID Connect Core 3.1.3.7) and logout tokens (Back-Channel Logout 2.6).

The clocks of two machines differ: times are taken as right within `SKEW`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from authlib.oauth2.claims import JWTClaims
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from lungwise.accounts.oidc.errors import NotVouchedForError
from lungwise.accounts.oidc.keys import ALGORITHMS, SigningKeys
from lungwise.store import Clock

SKEW: Final = timedelta(minutes=1)
"""How far the provider's clock and ours may be apart."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LOGOUT_AGE = timedelta(minutes=5)
"""How old a logout token may be: it is sent at once, and an old one is somebody's who kept it."""
_TOKEN_CHARACTERS = 32 << 10


class TokenChecks:
    """Checks tokens of one issuer for one client."""

    def __init__(self, issuer: str, client: str, keys: SigningKeys, clock: Clock) -> None:
        self._client = client
        self._keys = keys
        self._clock = clock
        self._whose: dict[str, Any] = {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client},
            "sub": {"allow_blank": False},
        }

    def id_token(self, text: object, nonce: str, access_token: object) -> dict[str, Any]:
        """Return the claims of an ID token that was asked for with a nonce.

        Raises
        ------
        NotVouchedForError
            If signature, issuer, audience, time, nonce or the access token's hash is not right.
        ProviderError
            If the provider's keys cannot be fetched.
        """
        params = {"nonce": nonce, "client_id": self._client, "access_token": access_token}
        return self._claims(CodeIDToken, text, self._whose, params)

    def logout_token(self, text: object) -> dict[str, Any]:
        """Return the claims of a logout token.

        Raises
        ------
        NotVouchedForError
            If it is not one, or it is an old one.
        ProviderError
            If the provider's keys cannot be fetched.
        """
        options = {**self._whose, "iat": {"essential": True}, "jti": {"essential": True}, "events": {"essential": True}}
        claims = self._claims(JWTClaims, text, options, {})
        events, age = claims["events"], self._now() - claims["iat"]
        if not isinstance(events, dict) or LOGOUT_EVENT not in events or "nonce" in claims:
            raise NotVouchedForError("the token is not a logout token")
        if age > (_LOGOUT_AGE + SKEW).total_seconds() or not (claims.get("sub") or claims.get("sid")):
            raise NotVouchedForError("the logout token is old, or nobody's")
        return claims

    def _claims(
        self, kind: type[JWTClaims], text: object, options: dict[str, Any], params: dict[str, Any]
    ) -> dict[str, Any]:
        if not isinstance(text, str) or len(text) > _TOKEN_CHARACTERS:
            raise NotVouchedForError("there is no token, or it is too long")
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        try:
            token = jwt.decode(text, self._key, algorithms=list(ALGORITHMS), registry=registry)
            claims = kind(token.claims, token.header, {name: dict(one) for name, one in options.items()}, params)
            claims.validate(self._now(), int(SKEW.total_seconds()))
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            why = f"{type(error).__name__} {getattr(error, 'claim', '')}".strip()
            raise NotVouchedForError(f"the token is not right: {why}") from error
        return dict(claims)

    def _key(self, token: Any) -> Key:  # noqa: ANN401 - what joserfc gives: a signature, not yet verified
        return self._keys.find(token.headers())

    def _now(self) -> int:
        return int(self._clock().timestamp())
