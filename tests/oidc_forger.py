"""An identity provider of our own that says whatever a test wants it to, for what no honest one would say."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from lungwise.accounts.oidc.tokens import LOGOUT_EVENT
from lungwise.settings import Settings

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from conftest import Clock, Visitor

CLIENT = "lungwise"
PUBLIC = "http://localhost"
"""As the test client asks for it."""
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
STRANGER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
"""Another's key, that bears the same name."""


@dataclass
class Forger:
    """What the provider says."""

    clock: Callable[[], datetime]
    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    answer: Callable[[], bytes] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=lambda: {"keys": [KEY.as_dict(private=False)]})
    sign: Callable[[dict[str, Any]], str] = field(default_factory=lambda: signed)
    asked: list[str] = field(default_factory=list)

    def settings(self, settings: Settings) -> Settings:
        """Give settings that take this provider's word."""
        told = {
            "oidc_issuer": self.issuer,
            "oidc_client_id": CLIENT,
            "oidc_roles": "chest=radiologist, admins=administrator",
            "oidc_label": "Hill Hospital",
            "oidc_second_factor": "mfa",
            "public_url": PUBLIC,
        }
        return settings.model_copy(update=told)

    def id_token(self, nonce: str = "") -> str:
        """Give the token that the claims make."""
        now = int(self.clock().timestamp())
        usual = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "rosa",
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": nonce,
            "name": "Rosa",
            "email": "rosa@example.org",
            "groups": ["chest"],
        }
        return self.sign({name: value for name, value in (usual | self.claims).items() if value is not None})

    def document(self) -> dict[str, Any]:
        """Give the metadata."""
        usual = {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + "/authorize",
            "token_endpoint": self.issuer + "/token",
            "jwks_uri": self.issuer + "/keys",
        }
        return usual | self.metadata


def signed(claims: dict[str, Any]) -> str:
    """Sign as the provider does."""
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)


def signed_by_a_stranger(claims: dict[str, Any]) -> str:
    """Sign with another's key."""
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, STRANGER)


def signed_with_the_public_key(claims: dict[str, Any]) -> str:
    """Sign with what everybody knows, as if it were a secret."""
    secret = OctKey.import_key(base64.urlsafe_b64encode(KEY.as_pem(private=False)).decode())
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, secret, algorithms=["HS256"])


def unsigned(claims: dict[str, Any]) -> str:
    """Sign with nothing."""
    parts = (json.dumps(one).encode() for one in ({"alg": "none", "kid": "one"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), ""])


def trickle(seconds: float) -> Callable[[], bytes]:
    """Make an answer that comes late."""

    def late() -> bytes:
        time.sleep(seconds)
        return b"{}"

    return late


class _Server(ThreadingHTTPServer):
    forger: Forger


class _Answers(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        forger, path = self.server.forger, urlsplit(self.path).path
        forger.asked.append(path)
        if path == "/away":
            self.send_response(302)
            self.send_header("Location", forger.issuer + "/keys")
            self.end_headers()
            return
        documents = {"/.well-known/openid-configuration": forger.document(), "/keys": forger.keys}
        self._say(json.dumps(documents[path]).encode())

    def do_POST(self) -> None:
        forger = self.server.forger
        body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        forger.asked.append(self.path)
        if forger.answer is not None:
            self._say(forger.answer())
        else:
            assert body["code_verifier"]
            token = forger.id_token(body["code"][0])  # the tests let the code say which nonce was asked with
            self._say(json.dumps({"id_token": token, "access_token": "x", "token_type": "Bearer"}).encode())

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def forger(clock: Callable[[], datetime]) -> Iterator[Forger]:
    """Say what a test wants while the block runs."""
    with _Server(("127.0.0.1", 0), _Answers) as server:
        server.daemon_threads = True
        server.forger = Forger(clock, f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server.forger
        server.shutdown()


def go(visitor: Visitor, path: str = "/sign-in/oidc") -> str:
    """Go to the provider, and give the address of its answer."""
    asked = visitor.client.get(path)
    query = {name: value[0] for name, value in parse_qs(urlsplit(asked.headers["Location"]).query).items()}
    return f"/sign-in/oidc/callback?state={query['state']}&code={query['nonce']}"


def come_back(visitor: Visitor, answer: str) -> TestResponse:
    """Bring the provider's answer, and give the page that it leads to."""
    return visitor.client.get(answer, follow_redirects=True)


def logout_token(liar: Forger, clock: Clock, **changes: Any) -> str:
    """Give the token which says that Rosa has signed out there."""
    now = int(clock().timestamp())
    usual = {
        "iss": liar.issuer,
        "aud": CLIENT,
        "iat": now,
        "exp": now + 120,
        "jti": "1",
        "sub": "rosa",
        "sid": "there",
        "events": {LOGOUT_EVENT: {}},
    }
    return signed({name: value for name, value in (usual | changes).items() if value is not None})


def tell(visitor: Visitor, token: str) -> int:
    """Bring such a token as the provider does, and give the answer's status."""
    return visitor.client.post("/sign-in/oidc/logout", data={"logout_token": token}).status_code
