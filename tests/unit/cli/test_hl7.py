from __future__ import annotations

from ipaddress import ip_network

import pytest

from lungwise.cli.hl7 import warn_of_unbound
from lungwise.hl7.peers import Peer, Peers

HILL, DALE, SECOND = ("OPENMRS", "HILL"), ("OPENMRS", "DALE"), ("OpenEMR", "")
HERE = (ip_network("10.0.2.0/24"),)


def test_a_system_that_any_other_clinics_may_claim_to_be_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "lungwise.cli"):
        warn_of_unbound(Peers(systems={HILL: Peer(clinic=1, networks=HERE), DALE: Peer(clinic=2)}))
    assert [record.getMessage() for record in caplog.records] == [
        "OPENMRS@DALE is bound to no certificate and no address: whoever may connect can send as it, for its clinic. "
        "Set hl7_peer_certificates or hl7_peer_addresses."
    ]


def test_nothing_is_said_of_systems_of_one_clinic_or_that_are_all_bound(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "lungwise.cli"):
        warn_of_unbound(Peers(systems={HILL: Peer(clinic=1), SECOND: Peer(clinic=1)}))
        bound = Peer(clinic=2, certificates=frozenset({"dale-his"}))
        warn_of_unbound(Peers(systems={HILL: Peer(clinic=1, networks=HERE), DALE: bound}))
    assert caplog.records == []
