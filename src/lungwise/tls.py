"""TLS as every connection of Lungwise's has it: contexts made of the files that the settings name."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from pathlib import Path
from typing import cast

_OLDEST = ssl.TLSVersion.TLSv1_2
"""Said here, since some systems' Pythons leave it to OpenSSL's own settings; where these are stricter, they hold."""
_Names = tuple[tuple[str, str], ...]
"""Parts of a certificate's subject, or its other names, each with its kind."""


def is_loopback(host: str) -> bool:
    """Return whether what goes to a host stays on this machine, and so needs no TLS."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def server_context(certificate: Path | None, key: Path | None, client_ca: Path | None) -> ssl.SSLContext | None:
    """Return the context of what listens; None where it has no certificate, and so speaks no TLS.

    Parameters
    ----------
    client_ca
        File of the authority by which each peer must have a certificate; without it none needs one.

    Raises
    ------
    OSError
        If a file cannot be read, or holds no certificate or key.
    """
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = max(context.minimum_version, _OLDEST)
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def certificate_names(connection: socket.socket) -> frozenset[str]:
    """Return the names that a peer's certificate was given: its subject's common name, and its DNS names.

    There are none without TLS, or where no certificate is asked for.
    """
    certificate = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    if not certificate:
        return frozenset()
    subject = cast(tuple[_Names, ...], certificate.get("subject", ()))
    others = cast(_Names, certificate.get("subjectAltName", ()))
    kinds = [*(pair for part in subject for pair in part), *others]
    return frozenset(name for kind, name in kinds if kind in ("commonName", "DNS"))


def client_context(ca: Path | None, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Return the context of what calls a server, whose certificate must be good and for its host.

    Parameters
    ----------
    ca
        File of the server's authority; without it those that the machine trusts.
    certificate, key
        What shows who calls, where the server asks for that.

    Raises
    ------
    OSError
        If a file cannot be read, or holds no certificate or key.
    """
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    context.minimum_version = max(context.minimum_version, _OLDEST)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context
