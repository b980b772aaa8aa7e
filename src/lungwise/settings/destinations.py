"""The settings of where results go: archives, and other systems that get reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from lungwise.settings.checks import PORT, listed, not_guessable, only_private_address
from lungwise.settings.hl7 import peer_named

DESTINATIONS = rf"^$|^[^@,]{{1,16}}@[^@,]+:{PORT}( *, *[^@, ][^@,]{{0,15}}@[^@,]+:{PORT})*$"
"""AE@host:port, separated by commas."""


class Destinations(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Where the results of an installation go, or those of one clinic."""

    send_to: str = Field(default="", pattern=DESTINATIONS)
    """Archives that results are sent to, as AE@host:port, separated by commas. Empty: none."""
    report_webhook_url: Annotated[str, AfterValidator(only_private_address)] = ""
    """Address that gets each version of every report as JSON, as https://records.example.org/lungwise; http only on
    this machine. Empty: none."""
    report_webhook_secret: Annotated[SecretStr, AfterValidator(not_guessable)] = SecretStr("")
    """Signs what is sent to `report_webhook_url`, 20 characters at least; needed where that is set."""
    fhir_url: Annotated[str, AfterValidator(only_private_address)] = ""
    """FHIR R4 server that gets each version of every report, as https://records.example.org/fhir; http only on this
    machine. Empty: none."""
    fhir_patient_system: str = Field(default="", pattern=r"^([a-zA-Z][a-zA-Z0-9+.-]*:\S+)?$", max_length=200)
    """What the FHIR server calls the system of the hospital's own patients' identifiers, those of `own_issuers` and
    those of no known issuer, as https://records.example.org/mrn. Empty: urn:lungwise:patient."""
    fhir_token_file: Path | None = None
    """File that holds the bearer token for the FHIR server, read anew for each report."""
    fhir_token_url: Annotated[str, AfterValidator(only_private_address)] = ""
    """Where a token for the FHIR server is asked for by client credentials (OAuth 2.0). Empty: nowhere."""
    fhir_client_id: str = ""
    """Lungwise's name at that address."""
    fhir_client_secret: SecretStr = SecretStr("")
    """Its secret there."""
    fhir_scope: str = ""
    """Scope that is asked for, as system/*.write. Empty: what the address gives."""
    report_tls_ca: Path | None = None
    """Certificate authority of the systems that get reports over HTTPS. Empty: those that the machine trusts."""
    hl7_results_to: str = Field(default="", pattern=rf"^$|^[^@=,|^]{{1,180}}@[^@=,|^]{{0,180}}=[^=,@:]+:{PORT}$")
    """Hospital system that gets each report as an ORU^R01 message, as APPLICATION@FACILITY=host:port: what MSH-5 and
    MSH-6 say, and where it listens. Empty: none."""
    hl7_results_tls_ca: Path | None = None
    """Certificate authority of that system; with it results go over TLS, with the certificate of `lungwise hl7`."""

    @model_validator(mode="after")
    def _signs_reports(self) -> Self:
        if self.report_webhook_url and not self.report_webhook_secret.get_secret_value():
            raise ValueError("report_webhook_url needs report_webhook_secret. Make one with: openssl rand -hex 24")
        return self

    @property
    def hl7_results_receiver(self) -> tuple[str, str, tuple[str, int]]:
        """Application, facility and address of the system that gets results."""
        sender, _equals, address = self.hl7_results_to.partition("=")
        host, _colon, port = address.rpartition(":")
        return *peer_named(sender), (host.strip(), int(port))

    @property
    def send_to_list(self) -> list[str]:
        """The archives that results are sent to."""
        return listed(self.send_to)

    @property
    def report_to(self) -> dict[str, str]:
        """Where the systems beside archives are that get reports, by the names of their kinds."""
        kinds = {"webhook": self.report_webhook_url, "fhir": self.fhir_url, "hl7": self.hl7_results_to}
        return {name: address for name, address in kinds.items() if address}

    @property
    def report_to_list(self) -> list[str]:
        """The systems beside archives that get reports, by the names of their kinds."""
        return list(self.report_to)
