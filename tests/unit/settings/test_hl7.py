from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from lungwise.settings import Settings

HILL, DALE = ("OPENMRS", "HILL"), ("OpenEMR", "")
PEERS = "OPENMRS@HILL=Hill, OpenEMR@=Dale"


def test_systems_are_bound_to_certificates_and_to_networks(tmp_path: Path) -> None:
    pem = tmp_path / "file.pem"
    settings = Settings(
        hl7_peers=PEERS,
        hl7_tls_certificate=pem,
        hl7_tls_client_ca=pem,
        hl7_peer_certificates="OpenEMR@=his.dale.example.org, OpenEMR@ = Dale standby",
        hl7_peer_addresses="OPENMRS@HILL=10.0.1.7,OPENMRS@HILL=10.0.2.0/24, OpenEMR@=fd00::/8",
    )
    assert settings.hl7_peers_map == {HILL: "Hill", DALE: "Dale"}
    assert settings.hl7_certificates_of(DALE) == {"his.dale.example.org", "Dale standby"}
    assert settings.hl7_certificates_of(HILL) == set()
    assert settings.hl7_networks_of(HILL) == (ip_network("10.0.1.7"), ip_network("10.0.2.0/24"))
    assert settings.hl7_networks_of(DALE) == (ip_network("fd00::/8"),)


def test_a_system_that_is_bound_but_not_listed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="hl7_peer_addresses names OPENMRS@HIL, which hl7_peers does not"):
        Settings(hl7_peers=PEERS, hl7_peer_addresses="OPENMRS@HIL=10.0.1.7")
    pem = tmp_path / "file.pem"
    with pytest.raises(ValidationError, match="hl7_peer_certificates names OpenEMR@DALE, which hl7_peers does not"):
        Settings(
            hl7_peers=PEERS,
            hl7_tls_certificate=pem,
            hl7_tls_client_ca=pem,
            hl7_peer_certificates="OpenEMR@DALE=his.dale.example.org",
        )


def test_a_certificate_that_nobody_would_be_asked_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="hl7_peer_certificates needs hl7_tls_client_ca"):
        Settings(
            hl7_peers=PEERS,
            hl7_tls_certificate=tmp_path / "file.pem",
            hl7_peer_certificates="OPENMRS@HILL=his.hill.example.org",
        )


@pytest.mark.parametrize("wrong", ["10.0.1.300", "10.0.1.7/24", "his.hill.example.org"])
def test_what_is_no_network_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="is not an address, as 10"):
        Settings(hl7_peers=PEERS, hl7_peer_addresses=f"OPENMRS@HILL={wrong}")
