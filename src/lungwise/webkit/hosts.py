"""Which host a request may name, and redirects that never repeat it, nor lead elsewhere than to the one that is set."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from werkzeug.wrappers import Response

from lungwise.webkit.csp import HEADERS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_log = logging.getLogger("lungwise.security")
_ANY_HOST = ("/healthz", "/readyz")
"""Monitoring uses each process's own address."""
LEADS_TO = "lungwise.leads_to"
"""In the environment of a request: the one other origin that its redirect may lead to, as a setting names it."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Hosts:
    """WSGI middleware before the pages and the mounted applications.

    With a public address, requests for another host are refused. With or without one, a redirect is sent
    as a path, so that a forged Host header leads nobody away.

    Parameters
    ----------
    app
        What is guarded. A proxy's headers have been applied before a request comes here.
    public_url
        The setting of that name; empty where any host is served.
    """

    def __init__(self, app: WSGIApplication, public_url: str) -> None:
        self._app = app
        self._public_url = public_url
        self._allowed = _names(public_url) if public_url else None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, or refuse its host."""
        if not self._is_allowed(environ):
            _log.warning("A request for another host is refused, from %s.", environ.get("REMOTE_ADDR", "-"))
            return self._refusal()(environ, start_response)
        environ.pop(LEADS_TO, None)
        return self._app(environ, _with_own_redirects(start_response, environ))

    def _is_allowed(self, environ: WSGIEnvironment) -> bool:
        if self._allowed is None or environ["PATH_INFO"] in _ANY_HOST:
            return True
        host = environ.get("HTTP_HOST", "").lower()
        return host in self._allowed or (environ["PATH_INFO"] == "/metrics" and _is_machine(host))

    def _refusal(self) -> Response:
        sentence = f"This is not the address of this installation. Open {self._public_url}/\n"
        return Response(sentence, 400, {**HEADERS, "Cache-Control": "no-store"}, mimetype="text/plain")


def _names(public_url: str) -> frozenset[str]:
    """Return the allowed Host headers. The port may be missing: nginx's `$host` has none."""
    parts = urlsplit(public_url)
    host = parts.netloc.removesuffix(f":{parts.port}")
    return frozenset({host, f"{host}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"})


def _is_machine(host: str) -> bool:
    """Return whether a host is a machine's own address: Prometheus asks each process by it."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost"
    return True


def _with_own_redirects(start_response: StartResponse, environ: WSGIEnvironment) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:  # noqa: ANN401
        allowed = environ.get(LEADS_TO, "")
        own = [(name, _path(value, allowed) if name.lower() == "location" else value) for name, value in headers]
        return start_response(status, own, *more)

    return start


def _path(location: str, allowed: str) -> str:
    """Return the part of an address after the host: no redirect leads to another host than the one allowed."""
    parts = urlsplit(location)
    if allowed and f"{parts.scheme}://{parts.netloc}" == allowed:
        return location
    if not parts.scheme and not parts.netloc and not location.startswith(("//", "/\\")):
        return location
    rest = urlunsplit(("", "", parts.path, parts.query, parts.fragment))
    return "/" + rest.lstrip("/\\")  # a single slash: two would name a host again
