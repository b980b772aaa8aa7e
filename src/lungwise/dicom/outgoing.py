"""Associations that begin here: with archives and other peers, over TLS where that is set, and why one fails."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from lungwise.dicom.slow_lines import SLOW_LINES
from lungwise.results.result import IMPLEMENTATION_NAME, IMPLEMENTATION_UID
from lungwise.settings import Settings
from lungwise.tls import client_context

_ANSWER_SECONDS = 30
"""How long a peer has for each answer, from when the last bytes moved."""
_PROBE_SECONDS = 5
"""How long a peer has to show why it cannot be reached."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A peer's address, written AE@host:port."""

    title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Read AE@host:port."""
        found = re.fullmatch(r"(.+)@(.+):(\d+)", text)
        if found is None:
            raise ValueError(f"{text} is not a destination. Write it as AE@host:port.")
        return cls(found[1], found[2], int(found[3]))


class Outgoing:
    """Begins associations in the name of this installation's AE title."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def title(self) -> str:
        """The name that peers know this installation by."""
        return self._settings.node_ae_title

    def associate(
        self,
        destination: Destination,
        contexts: Sequence[PresentationContext],
        roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
        handlers: Sequence[Any] = (),
    ) -> Association:
        """Ask a peer for an association; it may not be established, see `why_away`."""
        entity = AE(self.title)
        entity.implementation_class_uid, entity.implementation_version_name = IMPLEMENTATION_UID, IMPLEMENTATION_NAME
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = (
            _ANSWER_SECONDS
        )
        return entity.associate(
            destination.host,
            destination.port,
            contexts=list(contexts),
            ae_title=destination.title,
            ext_neg=list(roles),
            evt_handlers=[*SLOW_LINES, *handlers],
            tls_args=self._tls(destination),
        )

    def why_away(self, destination: Destination) -> str:
        """Connect once more to learn why that failed: an association does not tell."""
        title, tls = destination.title, self._tls(destination)
        try:
            with socket.create_connection((destination.host, destination.port), _PROBE_SECONDS) as plain:
                if tls is None:
                    return f"{title} ends the connection without an answer: it may want TLS (setting send_tls_ca)"
                with tls[0].wrap_socket(plain, server_hostname=tls[1]) as secure:
                    secure.recv(1)  # who does not accept our certificate says so only now
        except ssl.SSLCertVerificationError as error:
            return f"TLS with {title} fails: its certificate is not accepted ({error.verify_message})"
        except ssl.SSLError as error:
            return f"TLS with {title} fails: {(error.reason or 'no reason is given').replace('_', ' ').lower()}"
        except OSError:
            return f"{title} cannot be reached"
        return f"{title} ends the connection over TLS without an answer"

    def _tls(self, destination: Destination) -> tuple[ssl.SSLContext, str] | None:
        ca, own = self._settings.send_tls_ca, (self._settings.node_tls_certificate, self._settings.node_tls_key)
        return (client_context(ca, *own), destination.host) if ca else None
