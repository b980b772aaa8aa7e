"""The settings of HL7 v2: which hospital systems send messages, and within which bounds."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings

from lungwise.settings.checks import listed, only_an_hl7_character_set, only_networks, only_with

_BY_PEER = r"^$|^[^@=,|^]{1,180}@[^@=,|^]{0,180}=[^=,]+( *, *[^@=,|^ ][^@=,|^]{0,179}@[^@=,|^]{0,180}=[^=,]+)*$"
"""APPLICATION@FACILITY=value, separated by commas."""


class Hl7Settings(BaseSettings, use_attribute_docstrings=True):
    """What comes from the hospital's systems by HL7 v2."""

    hl7_host: str = "127.0.0.1"
    """Address that `lungwise hl7` listens on; 0.0.0.0 for the whole network."""
    hl7_port: int = Field(default=2575, ge=0, le=65535)
    """Port of `lungwise hl7`; 0 for any free one."""
    hl7_peers: str = Field(default="", pattern=_BY_PEER)
    """Hospital systems whose HL7 messages are taken, and the clinic that each belongs to: APPLICATION@FACILITY=Clinic,
    separated by commas, as a system writes it in MSH-3 and MSH-4. Messages of others are refused."""
    hl7_peer_certificates: str = Field(default="", pattern=_BY_PEER)
    """Certificate that a system of `hl7_peers` must show, as APPLICATION@FACILITY=name, separated by commas: the name
    is the common name of its subject, or one of its DNS names. A system that is named several times may show any of
    these, one that is not named any certificate of `hl7_tls_client_ca`."""
    hl7_peer_addresses: Annotated[str, AfterValidator(only_networks)] = Field(default="", pattern=_BY_PEER)
    """Address or network that a system of `hl7_peers` must send from, as APPLICATION@FACILITY=10.0.1.7 or
    APPLICATION@FACILITY=10.0.1.0/24, separated by commas. A system that is named several times may send from any of
    these, one that is not named from anywhere."""
    hl7_connections: int = Field(default=8, ge=1, le=100)
    """Connections that `lungwise hl7` holds at once."""
    hl7_idle_seconds: int = Field(default=3600, ge=1, le=86400)
    """Seconds without a message after which a connection is closed."""
    hl7_message_seconds: int = Field(default=30, ge=1, le=600)
    """Seconds within which a message must have come from its first byte to its last."""
    hl7_kilobytes: int = Field(default=1024, ge=8, le=65536)
    """Largest HL7 message that is taken."""
    hl7_character_set: Annotated[str, AfterValidator(only_an_hl7_character_set)] = "UNICODE UTF-8"
    """Character set of messages that name none in MSH-18, by its name in HL7 table 0211."""
    hl7_tls_certificate: Path | None = None
    """Certificate of `lungwise hl7`; with it, it speaks TLS alone."""
    hl7_tls_key: Path | None = None
    """Key of that certificate."""
    hl7_tls_client_ca: Path | None = None
    """Certificate authority that the hospital systems' own certificates must come from."""

    @model_validator(mode="after")
    def _takes_messages_by_tls(self) -> Self:
        only_with(self, "hl7_tls_certificate", "hl7_tls_key", "hl7_tls_client_ca")
        return self

    @model_validator(mode="after")
    def _binds_systems_that_are_listed(self) -> Self:
        if self.hl7_peer_certificates and self.hl7_tls_client_ca is None:
            raise ValueError("hl7_peer_certificates needs hl7_tls_client_ca: without it no system shows a certificate")
        for setting in ("hl7_peer_certificates", "hl7_peer_addresses"):
            for sender, _value in _by_peer(getattr(self, setting)):
                if sender not in self.hl7_peers_map:
                    raise ValueError(f"{setting} names {'@'.join(sender)}, which hl7_peers does not")
        return self

    @property
    def hl7_peers_map(self) -> dict[tuple[str, str], str]:
        """The clinic of each sending application and facility."""
        return dict(_by_peer(self.hl7_peers))

    def hl7_certificates_of(self, sender: tuple[str, str]) -> frozenset[str]:
        """Return the names of which a system's certificate must have one; none are demanded where there are none."""
        return frozenset(name for one, name in _by_peer(self.hl7_peer_certificates) if one == sender)

    def hl7_networks_of(self, sender: tuple[str, str]) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return the networks that a system may send from; it may from anywhere where there are none."""
        return tuple(ip_network(network) for one, network in _by_peer(self.hl7_peer_addresses) if one == sender)


def _by_peer(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Split a setting into the system and the value of each of its parts."""
    for part in listed(text):
        sender, _equals, value = part.partition("=")
        yield peer_named(sender), value.strip()


def peer_named(sender: str) -> tuple[str, str]:
    """Return the application and the facility of APPLICATION@FACILITY."""
    application, _at, facility = sender.partition("@")
    return application.strip(), facility.strip()
