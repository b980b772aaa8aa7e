"""The client's address behind reverse proxies: only what the proxies themselves wrote into X-Forwarded-For."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HEADER = "HTTP_X_FORWARDED_FOR"


class ProxyEntries:
    """Keeps of X-Forwarded-For only the entries that the trusted proxies added, for ProxyFix.

    A client may send the header, too: with too many entries, with an open quotation mark that makes the
    proxies' entries part of its own, or with something that is not an address. If the trusted entries are not
    addresses, or too few, the request counts as the last proxy's own.
    """

    def __init__(self, app: WSGIApplication, proxies: int) -> None:
        self._app = app
        self._proxies = proxies

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on."""
        if _HEADER in environ:  # what came through a proxy goes on saying so
            entries = [_address(entry) for entry in environ[_HEADER].split(",")[-self._proxies :]]
            if len(entries) < self._proxies or not all(entries):
                entries = [environ.get("REMOTE_ADDR", "")] * self._proxies
            environ[_HEADER] = ",".join(entries)
        return self._app(environ, start_response)


def _address(entry: str) -> str:
    """Return an entry's address, without the port that some proxies add; empty if it is not one."""
    host = entry.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        return ""
