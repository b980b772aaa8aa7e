"""The hospital systems whose messages are taken, each as a person of its clinic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from lungwise.access import Person, Role
from lungwise.hl7.message import Header

_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who has connected: from which network address, and the names of the certificate that was checked, if any."""

    address: str
    certificate: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """Name it for the log."""
        names = "".join(filter(str.isprintable, ", ".join(sorted(self.certificate))))[:_LONGEST_NAME]
        return f"{self.address} with the certificate of {names}" if names else self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A system: the clinic that its messages are about, and what shows that they are its own.

    Parameters
    ----------
    clinic
        The clinic's number.
    certificates
        Names of which its certificate must have one; without any, none is demanded.
    networks
        Where its messages come from; without any, from anywhere.
    """

    clinic: int
    certificates: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def may_be(self, caller: Caller) -> bool:
        """Return whether who has connected shows all that is demanded of this system."""
        has_certificate = not self.certificates or bool(self.certificates & caller.certificate)
        address = ip_address(caller.address)
        return has_certificate and (not self.networks or any(address in network for network in self.networks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Which system is which sending application and facility."""

    systems: Mapping[tuple[str, str], Peer]

    def of(self, header: Header, caller: Caller) -> Person | None:
        """Return who sends a message; None for an unknown sender, or one that somebody else claims to be."""
        system = self.systems.get((header.application, header.facility))
        if system is None or not system.may_be(caller):
            return None
        return Person(None, name_of(header), system.clinic, Role.HOSPITAL_SYSTEM)


def name_of(header: Header) -> str:
    """Name a sender as the settings do."""
    return f"{header.application}@{header.facility}"[:_LONGEST_NAME]
