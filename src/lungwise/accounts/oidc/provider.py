"""The identity provider, as long as the process lives: its addresses and keys, and what is asked of it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from lungwise.accounts.oidc.claims import ProvidedPerson, key_of, values_of
from lungwise.accounts.oidc.errors import NotVouchedForError, ProviderError
from lungwise.accounts.oidc.fetch import Fetcher
from lungwise.accounts.oidc.flow import Flow, Purpose
from lungwise.accounts.oidc.keys import KEPT, SigningKeys
from lungwise.accounts.oidc.metadata import Metadata, metadata_address
from lungwise.accounts.oidc.tokens import SKEW, TokenChecks
from lungwise.settings import Settings
from lungwise.store import Clock

CALLBACK = "/sign-in/oidc/callback"
"""Where the provider leads people back to, after `public_url`."""
SIGNED_OUT = "/sign-in"
"""Where it leads them after they have signed out there too."""
_AGAIN = timedelta(seconds=10)
"""How soon a provider that did not answer is asked again for its addresses."""
_WAIT = 2
"""Seconds that a request waits while another asks for the addresses."""


class Provider:
    """The provider that the settings name.

    Parameters
    ----------
    settings
        With an issuer.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: Metadata | None = None
        self._asked_at: datetime | None = None
        self._failure: str = ""
        self._fetcher = Fetcher(settings.oidc_ca)
        keys = SigningKeys(lambda: self._fetcher.get(self.metadata().jwks_uri), clock)
        self._checks = TokenChecks(settings.oidc_issuer, settings.oidc_client_id, keys, clock)

    @property
    def name(self) -> str:
        """The provider's name on the pages."""
        return self._settings.oidc_name

    @property
    def issuer(self) -> str:
        """Whose word is taken."""
        return self._settings.oidc_issuer

    def metadata(self) -> Metadata:
        """Return what the provider publishes, fetched once an hour; what is older holds while it does not answer.

        Raises
        ------
        ProviderError
            If it was never fetched, and cannot be.
        """
        if self._is_due() and self._lock.acquire(timeout=_WAIT if self._metadata is None else 0):
            try:
                if self._is_due():
                    self._refresh()
            finally:
                self._lock.release()
        if self._metadata is None:
            raise ProviderError(self._failure or "it is being asked for its addresses")
        return self._metadata

    def authorization_address(self, flow: Flow) -> str:
        """Return where to send a browser. Whoever confirms or links proves anew who they are.

        Raises
        ------
        ProviderError
            If the provider cannot be asked.
        """
        anew = {} if flow.purpose is Purpose.SIGN_IN else {"prompt": "login", "max_age": "0"}
        address: str = prepare_grant_uri(
            self.metadata().authorization_endpoint,
            self._settings.oidc_client_id,
            "code",
            redirect_uri=self._settings.public_url + CALLBACK,
            scope=self._settings.oidc_scopes,
            state=flow.state,
            nonce=flow.nonce,
            code_challenge=create_s256_code_challenge(flow.verifier),
            code_challenge_method="S256",
            **anew,
        )
        return address

    def answered(self, flow: Flow, answer: Mapping[str, str]) -> ProvidedPerson:
        """Return whom the provider vouches for in its answer: the address's parameters that the browser came back with.

        Raises
        ------
        NotVouchedForError
            If it vouches for nobody, or what it says is not right.
        ProviderError
            If it does not answer.
        """
        self._check_issuer(answer.get("iss"))
        if not answer.get("code"):
            raise NotVouchedForError("the provider gives no code")
        tokens = self._redeem(answer["code"], flow)
        claims = self._checks.id_token(tokens.get("id_token"), flow.nonce, tokens.get("access_token"))
        person = ProvidedPerson.of(self._completed(claims, tokens.get("access_token")), self._settings)
        if flow.purpose is not Purpose.SIGN_IN and person.authenticated_at < flow.begun_at - SKEW.total_seconds():
            raise NotVouchedForError("the provider did not ask anew who it is")
        return person

    def end_session_address(self) -> str:
        """Return where a person signs out at the provider too; empty where it offers that to nobody, or is away."""
        try:
            address = self.metadata().end_session_endpoint
        except ProviderError:
            return ""
        back = {"client_id": self._settings.oidc_client_id}
        back["post_logout_redirect_uri"] = self._settings.public_url + SIGNED_OUT
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(back)}" if address else ""

    def signed_out(self, logout_token: str) -> tuple[str, str]:
        """Return the keys of the identity and of the session that the provider has signed out; either may be empty.

        Raises
        ------
        NotVouchedForError
            If the token is not right.
        ProviderError
            If the provider's keys cannot be fetched.
        """
        claims = self._checks.logout_token(logout_token)
        subject, session = claims.get("sub"), claims.get("sid")
        return self._key_of(subject), self._key_of(session)

    def _key_of(self, name: object) -> str:
        return key_of(self.issuer, str(name)) if name else ""

    def _is_due(self) -> bool:
        if self._asked_at is None:
            return True
        age = self._clock() - self._asked_at
        return age > (_AGAIN if self._failure else KEPT)

    def _refresh(self) -> None:
        try:
            document = self._fetcher.get(metadata_address(self.issuer))
            self._metadata, self._failure = Metadata.of(document, self.issuer), ""
        except ProviderError as error:
            self._failure = str(error)
        self._asked_at = self._clock()

    def _check_issuer(self, said: str | None) -> None:
        """Require the answer to be this provider's, where it says whose it is (RFC 9207)."""
        if (said is None and self.metadata().names_issuer) or said not in (None, self.issuer):
            raise NotVouchedForError("the answer is another provider's")

    def _redeem(self, code: str, flow: Flow) -> dict[str, Any]:
        body: str = prepare_token_request(
            "authorization_code",
            code=code,
            redirect_uri=self._settings.public_url + CALLBACK,
            code_verifier=flow.verifier,
        )
        metadata, secret = self.metadata(), self._secret()
        if secret and metadata.takes_basic:
            return self._fetcher.post(metadata.token_endpoint, body, {"Authorization": self._basic(secret)})
        who = {"client_id": self._settings.oidc_client_id} | ({"client_secret": secret} if secret else {})
        return self._fetcher.post(metadata.token_endpoint, f"{body}&{urlencode(who)}", {})

    def _secret(self) -> str:
        """Return the client's secret, read anew: whoever renews it restarts nothing."""
        file = self._settings.oidc_client_secret_file
        try:
            return file.read_text(encoding="utf-8").strip() if file else ""
        except (OSError, ValueError) as error:
            raise ProviderError("the file of oidc_client_secret_file cannot be read") from error

    def _basic(self, secret: str) -> str:
        pair = ":".join(quote(part, safe="") for part in (self._settings.oidc_client_id, secret))
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _completed(self, claims: dict[str, Any], access_token: object) -> dict[str, Any]:
        """Add what the provider tells of the same person, where the ID token lacks what is needed."""
        needed = [name for name in ("email", self._settings.oidc_roles_claim, self._settings.oidc_clinic_claim) if name]
        where = self.metadata().userinfo_endpoint
        if not where or not isinstance(access_token, str) or all(values_of(claims, name) for name in needed):
            return claims
        more = self._fetcher.get(where, {"Authorization": f"Bearer {access_token}"})
        if more.get("sub") != claims["sub"]:
            raise NotVouchedForError("the user information is another person's")
        return more | claims
