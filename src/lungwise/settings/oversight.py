"""The settings of those who watch over an installation: logs, metrics, alarms and counts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from lungwise.inputs import DHIS2_UID, only_data_elements, only_identifiers
from lungwise.logs import LogFormat, LogLevel
from lungwise.settings.checks import PORT, not_guessable


class OversightSettings(BaseSettings, use_attribute_docstrings=True):
    """What the installation says of itself, and to whom."""

    log_format: LogFormat = LogFormat.TEXT
    """How a log line is written: for people (text) or for programs (json)."""
    log_level: LogLevel = LogLevel.INFO
    """Least weight of what is logged: debug, info, warning or error. Of what libraries say only warnings and errors are
    logged, except with debug; refused requests and failed sign-ins (lungwise.security) are logged with any."""
    audit_syslog: str = Field(default="", pattern=rf"^$|^[A-Za-z0-9._-]+:{PORT}$")
    """Syslog server that gets the audit trail over TLS (RFC 5425), as audit.example.org:6514. Empty: none."""
    audit_syslog_ca: Path | None = None
    """Certificate authority of the syslog server. Empty: those that the machine trusts."""
    audit_syslog_certificate: Path | None = None
    """Own certificate, where the syslog server asks for one."""
    audit_syslog_key: Path | None = None
    """Key of that certificate."""
    webhook_url: str = Field(
        default="", pattern=rf"^$|^https?://([^/?#@:\s]+|\[[0-9A-Fa-f:.]+\])(:{PORT})?([/?][^#\s]*)?$"
    )
    """Address that is called about each alarm of the watch, as https://example.org/alarms. Empty: none."""
    webhook_secret: Annotated[SecretStr, AfterValidator(not_guessable)] = SecretStr("")
    """Signs what is sent to `webhook_url`, 20 characters at least; needed where that is set."""
    dhis2_data_elements: Annotated[str, AfterValidator(only_data_elements)] = ""
    """Identifiers of DHIS2's data elements by what is counted, as films=aBcDeFgHiJ1, separated by commas. Counted are
    films, refusals, covid_positives, tuberculosis_positives, pcr_tests, pcr_found, tuberculosis_tests and
    tuberculosis_found; what has no identifier is left out."""
    dhis2_org_units: Annotated[str, AfterValidator(only_identifiers)] = ""
    """Identifiers of DHIS2's organisation units by clinic, as Hill=aBcDeFgHiJ1, separated by commas; one without a
    clinic stands for every other."""
    dhis2_data_set: str = Field(default="", pattern=f"^({DHIS2_UID})?$")
    """Identifier of DHIS2's data set, where it shall be named."""
    metrics_token: Annotated[SecretStr, AfterValidator(not_guessable)] = SecretStr("")
    """Bearer token that opens /metrics to other machines, 20 characters at least. Empty: it opens to this machine
    alone."""

    @model_validator(mode="after")
    def _signs_messages(self) -> Self:
        if self.webhook_url and not self.webhook_secret.get_secret_value():
            raise ValueError("webhook_url needs webhook_secret. Make one with: openssl rand -hex 24")
        return self
