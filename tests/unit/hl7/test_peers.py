"""Who a sender may be."""

from __future__ import annotations

from ipaddress import ip_network

from lungwise.access import Role
from lungwise.hl7.message import Header
from lungwise.hl7.peers import Caller, Peer, Peers

HILL, DALE = Header(application="OPENMRS", facility="HILL"), Header(application="OPENMRS", facility="DALE")
ANYWHERE = Caller(address="10.0.9.9")


def with_dale(**demands: object) -> Peers:
    """Give Hill's system, which shows nothing, and Dale's."""
    dale = Peer(clinic=2, **demands)  # type: ignore[arg-type]
    return Peers(systems={("OPENMRS", "HILL"): Peer(clinic=1), ("OPENMRS", "DALE"): dale})


def test_a_listed_system_acts_for_its_clinic_alone() -> None:
    peers = with_dale()
    hill, dale = peers.of(HILL, ANYWHERE), peers.of(DALE, ANYWHERE)
    assert hill and dale
    assert (hill.clinic_id, hill.name, hill.role) == (1, "OPENMRS@HILL", Role.HOSPITAL_SYSTEM)
    assert dale.clinic_id == 2
    assert peers.of(Header(application="OPENMRS"), ANYWHERE) is None


def test_who_is_bound_to_certificates_shows_one_of_them() -> None:
    peers = with_dale(certificates=frozenset({"dale-his", "dale-standby"}))
    for names, is_dale in (
        ({"dale-his"}, True),
        ({"standby.dale.example.org", "dale-standby"}, True),
        ({"hill-his"}, False),
        ({"DALE-HIS"}, False),
        (set(), False),
    ):
        caller = Caller(address="10.0.9.9", certificate=frozenset(names))
        assert (peers.of(DALE, caller) is not None) is is_dale
        assert peers.of(HILL, caller)


def test_who_is_bound_to_networks_sends_from_one_of_them() -> None:
    peers = with_dale(networks=(ip_network("10.0.2.0/24"), ip_network("10.0.3.7"), ip_network("fd00::/8")))
    allowed = {
        address: peers.of(DALE, Caller(address=address)) is not None
        for address in ("10.0.2.9", "10.0.3.7", "fd00::7", "10.0.3.8", "10.0.1.9", "::1")
    }
    assert [address for address, is_allowed in allowed.items() if is_allowed] == ["10.0.2.9", "10.0.3.7", "fd00::7"]


def test_who_is_bound_to_both_shows_both() -> None:
    peers = with_dale(certificates=frozenset({"dale-his"}), networks=(ip_network("10.0.2.0/24"),))
    certificate = frozenset({"dale-his"})
    assert peers.of(DALE, Caller(address="10.0.2.9", certificate=certificate))
    assert peers.of(DALE, Caller(address="10.0.1.9", certificate=certificate)) is None
    assert peers.of(DALE, Caller(address="10.0.2.9")) is None


def test_the_log_names_a_caller_on_one_line() -> None:
    assert str(ANYWHERE) == "10.0.9.9"
    named = Caller(address="10.0.9.9", certificate=frozenset({"hill-his", "a\nb"}))
    assert str(named) == "10.0.9.9 with the certificate of ab, hill-his"
