"""TLS as every connection of Lungwise's has it: contexts made of the files that the settings name."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

_OLDEST = ssl.TLSVersion.TLSv1_2
"""Said here, since some systems' Pythons leave it to OpenSSL's own settings; where these are stricter, they hold."""
_NO_AUTHORITY = "It holds no certificate of an authority, in PEM"
_NO_CERTIFICATE = "It holds no certificate in PEM that the key in %s belongs to"
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
        If a file cannot be read, or holds no certificate or key; its `filename` is that file.
    """
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = max(context.minimum_version, _OLDEST)
    _show(context, certificate, key)
    if client_ca is not None:
        with _read(_NO_AUTHORITY, client_ca):
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
        If a file cannot be read, or holds no certificate or key; its `filename` is that file.
    """
    context = _believe_only(ca)
    context.minimum_version = max(context.minimum_version, _OLDEST)
    if certificate is not None:
        _show(context, certificate, key)
    return context


@contextmanager
def _read(missing: str, *files: Path) -> Iterator[None]:
    """Name the file that cannot be used: OpenSSL does not say which it is."""
    for file in files:
        file.open("rb").close()
    try:
        yield
    except ssl.SSLError as error:
        raise OSError(errno.EINVAL, missing, str(files[0])) from error


def _believe_only(ca: Path | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context()
    with _read(_NO_AUTHORITY, ca):
        return ssl.create_default_context(cafile=str(ca))


def _show(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    with _read(_NO_CERTIFICATE % (key or certificate), *filter(None, (certificate, key))):
        context.load_cert_chain(certificate, key)
