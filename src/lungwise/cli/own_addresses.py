"""At which addresses the pages are reached: from this computer, and from the clinic's other devices."""

from __future__ import annotations

import socket

from lungwise.settings import Settings
from lungwise.tls import is_loopback

_GUIDE = "the administrator's guide, Phones and other computers"
_ELSEWHERE = ("192.0.2.1", 9), ("2001:db8::1", 9)
"""Addresses that nobody has (RFC 5737, RFC 3849): to find out from which of our own they would be reached. Nothing is
sent there."""


def on_this_computer(settings: Settings) -> str:
    """Return the address for a browser on the same computer."""
    host = "127.0.0.1" if _is_every_address(settings.host) else settings.host
    return f"http://{_in_address(host)}:{settings.port}/"


def for_other_devices(settings: Settings) -> str:
    """Say how phones and other computers reach the pages, or what to set so that they do."""
    if settings.public_url:
        return f"{settings.public_url}/"
    if is_loopback(settings.host):
        return f"set LUNGWISE_HOST=0.0.0.0; until then only this computer is served (see {_GUIDE})."
    own = _own_address() if _is_every_address(settings.host) else settings.host
    if not own:
        return f"this computer is in no network yet (see {_GUIDE})."
    return f"http://{_in_address(own)}:{settings.port}/"


def _is_every_address(host: str) -> bool:
    return host in ("0.0.0.0", "::", "")  # noqa: S104 - what was set, compared


def _own_address() -> str:
    for family, elsewhere in zip((socket.AF_INET, socket.AF_INET6), _ELSEWHERE, strict=True):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect(elsewhere)
                return str(probe.getsockname()[0])
        except OSError:  # in no such network
            continue
    return ""


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host
