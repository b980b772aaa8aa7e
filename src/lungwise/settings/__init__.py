"""Every setting of Lungwise in one place: from the environment, a settings file, or the default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from lungwise.languages import LANGUAGES
from lungwise.settings.accounts import AccountSettings, Registration
from lungwise.settings.checks import (
    PublicUrl,
    listed,
    only_a_time_zone,
    only_keys,
    only_with,
    only_with_boto3,
    only_with_celery,
)
from lungwise.settings.network import NetworkSettings
from lungwise.settings.oidc import OidcSettings
from lungwise.settings.oversight import OversightSettings
from lungwise.time_zones import UTC_NAME

__all__ = ["DEFAULT_PREVALENCE", "Registration", "Settings", "SettingsFileError"]
DEFAULT_PREVALENCE = 0.1
"""One in ten of those filmed has COVID-19, where a clinic does not say otherwise."""
NOBODY = (
    "0, 1, UNKNOWN, UNK, ANONYMOUS, ANONYMISED, ANONYMIZED, ANON, DEIDENTIFIED, NONE, NULL, NIL, NA, NN, NO ID, NOID, "
    "NO NAME, NONAME, NOT KNOWN, NOT AVAILABLE, UNIDENTIFIED, UNNAMED, PATIENT, PATIENT ID, PATIENT NAME, TEST, DUMMY, "
    "XX, XXX, INCONNU, ANONYME, DESCONOCIDO, ANONIMO, UNBEKANNT, ANONYM, अज्ञात"
)


class SettingsFileError(Exception):
    """The settings file cannot be read; says why."""


def _data_folder() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "lungwise"


class Settings(AccountSettings, OidcSettings, NetworkSettings, OversightSettings):
    """The settings of one installation.

    Each is read from the environment (`LUNGWISE_` before its name), else from the TOML file that
    `LUNGWISE_SETTINGS` names, else it has its default.
    """

    model_config = SettingsConfigDict(
        env_prefix="LUNGWISE_", extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    data_folder: Path = Field(default_factory=_data_folder)
    """Folder of the films, the SQLite database and the keys."""
    database_url: str = ""
    """Database: empty for SQLite in the data folder, or mysql+pymysql://user:password@host/name for MySQL 8 or MariaDB
    10.6 and later."""
    database_tls_ca: Path | None = None
    """Certificate authority that a MySQL or MariaDB server's certificate must come from."""
    database_tls_certificate: Path | None = None
    """Own certificate, where the database server asks for one."""
    database_tls_key: Path | None = None
    """Key of that certificate."""
    secret_key: SecretStr = SecretStr("")
    """Signs sessions and links. Empty: made once and kept in the data folder."""
    encryption_keys: Annotated[SecretStr, AfterValidator(only_keys)] = SecretStr("")
    """Keys that films and patient data are encrypted with: the first encrypts, all decrypt. Separated by spaces or
    commas. Empty: made once and kept in the data folder as encryption.keys."""
    films_url: Annotated[str, AfterValidator(only_with_boto3)] = Field(default="", pattern="^(s3://[^/]+(/.*)?)?$")
    """Films: empty for the data folder, or s3://bucket/prefix for S3-compatible storage (extra s3)."""
    s3_endpoint: str = ""
    """Address of the S3-compatible storage. Empty: Amazon's."""
    s3_region: str = ""
    """Region of the bucket, where the storage has regions."""
    s3_access_key: SecretStr = SecretStr("")
    """Access key of the bucket. Empty: what boto3 finds in its own files, or the machine's role."""
    s3_secret_key: SecretStr = SecretStr("")
    """Secret of that access key."""
    archive_folder: Path | None = None
    """Folder in which studies are archived, encrypted, before they are removed by age, where a clinic wants that."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for the whole network."""
    port: int = Field(default=8000, ge=1, le=65535)
    """Port to listen on."""
    threads: int = Field(default=8, ge=2, le=256)
    """Requests answered at once."""
    readers: int = Field(default=1, ge=0, le=64)
    """Films that a process reads at once; 0 leaves them to `lungwise worker`."""
    broker_url: Annotated[SecretStr, AfterValidator(only_with_celery)] = SecretStr("")
    """Redis (redis://:password@host/0) or RabbitMQ (amqp://user:password@host//) that calls Celery workers on several
    machines. Empty: films are read without a broker."""
    lease_seconds: int = Field(default=30, ge=3, le=600)
    """Seconds without a sign of life after which another reader takes a film up. The same everywhere."""
    public_url: PublicUrl = ""
    """Address at which people reach the pages, as https://lungwise.example.org: links in mails begin with it, and
    requests for another host are refused. Empty: any host is served, and no mail holds a link."""
    https: bool = False
    """The pages are reached over TLS: cookies are marked secure and browsers told to stay with TLS."""
    proxies: int = Field(default=0, ge=0, le=5)
    """Reverse proxies in front whose X-Forwarded headers count."""
    upload_megabytes: int = Field(default=300, ge=1, le=102_400)
    """Largest upload, all its films together."""
    film_megabytes: int = Field(default=60, ge=1, le=256)
    """Largest single film."""
    film_seconds: float = Field(default=20, ge=1, le=600)
    """Seconds of the processor's time after which reading a film is stopped, and the film refused."""
    study_films: int = Field(default=50, ge=1, le=500)
    """Most films of one study."""
    account_films: int = Field(default=5000, ge=0, le=10_000_000)
    """Most films that one account may upload in a day; 0 for any number."""
    account_gigabytes: int = Field(default=100, ge=0, le=1_000_000)
    """Most gigabytes of films that one account may upload in a day; 0 for any number."""
    other_objects: Literal["keep", "discard"] = "keep"
    """What is done with reports, documents, key object selections, presentation states and segmentations that come
    beside films: `keep` them with their study, or acknowledge and `discard` them."""
    own_issuers: str = ""
    """Issuers of patient identifiers (0010,0021) that mean this clinic, separated by commas."""
    nobody: str = NOBODY
    """What a DICOM header says for an identifier or a name where it means nobody, separated by commas."""
    api_rate: int = Field(default=1200, ge=1, le=1_000_000)
    """Requests a minute that one token may make of the REST API, and of DICOMweb: over all processes where `broker_url`
    is Redis, otherwise in each process."""
    smtp_host: str = ""
    """Mail server. Empty: no mail is sent, and administrators hand links over themselves."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    """Port of the mail server."""
    smtp_tls: bool = True
    """Use STARTTLS with the mail server, which must show a certificate for `smtp_host`."""
    smtp_tls_ca: Path | None = None
    """Certificate authority of the mail server. Empty: those that the machine trusts."""
    smtp_user: str = ""
    """User at the mail server."""
    smtp_password: SecretStr = SecretStr("")
    """Password at the mail server."""
    smtp_sender: str = "lungwise@localhost"
    """Sender of the messages."""
    language: str = Field(default="en", pattern=f"^({'|'.join(LANGUAGES)})$")
    """Language where the browser asks for none of ours: en, es, fr or hi."""
    time_zone: Annotated[str, AfterValidator(only_a_time_zone)] = UTC_NAME
    """Time zone of clinics whose administrator sets no other, as Africa/Nairobi: pages and reports show dates and times
    in it."""
    prevalence: float = Field(default=DEFAULT_PREVALENCE, ge=0, le=1)
    """Share of those filmed who have COVID-19: a page says what a verdict is worth at it."""
    result_days: int = Field(default=3, ge=0, le=30)
    """Most days between a film and a test for the test's result to count for the film."""
    model_folder: Path | None = None
    """Folder of a model that reads in place of the shipped one, as `lungwise export` writes it."""
    report_font: Path | None = None
    """TrueType font of the PDF report, for letters that the fonts shipped with Lungwise lack: Korean, rare Chinese."""

    @model_validator(mode="after")
    def _reaches_the_database_by_tls(self) -> Self:
        only_with(self, "database_tls_ca", "database_tls_certificate", "database_tls_key")
        return self

    @model_validator(mode="after")
    def _knows_where_a_provider_leads_back(self) -> Self:
        if self.oidc_issuer and not self.public_url:
            raise ValueError("oidc_issuer needs public_url: the provider leads people back to it")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: what is passed, the environment, the settings file."""
        file = os.environ.get("LUNGWISE_SETTINGS")
        files = (_read_file(settings_cls, Path(file)),) if file else ()
        return (init_settings, _EnvironmentWithoutFile(env_settings), *files)

    @property
    def database(self) -> str:
        """The database's URL, SQLite's included."""
        return self.database_url or f"sqlite:///{self.data_folder / 'lungwise.sqlite'}"

    @property
    def films_folder(self) -> Path:
        """Where the films lie, unless they lie in a bucket."""
        return self.data_folder / "films"

    @property
    def own_issuers_list(self) -> list[str]:
        """The issuers that mean this clinic."""
        return listed(self.own_issuers)

    @property
    def nobody_list(self) -> list[str]:
        """What identifies nobody."""
        return listed(self.nobody)

    def settings_naming(self, clinic: str) -> list[str]:
        """Return which settings name a clinic: what comes for it would be refused without them."""
        named = {
            "node_clinic": [self.node_clinic],
            "hl7_peers": self.hl7_peers_map.values(),
            "clinic_destinations": self.clinic_destinations,
            "dhis2_org_units": [one.partition("=")[0].strip() for one in listed(self.dhis2_org_units) if "=" in one],
        }
        return [setting for setting, clinics in named.items() if clinic in clinics]

    def settings_with(self, file: str | Path) -> list[str]:
        """Return which settings name a file, those of a clinic's own destinations with its name."""
        named = [name for name in type(self).model_fields if getattr(self, name) == Path(file)]
        for clinic, own in self.clinic_destinations.items():
            named += [f"clinic_destinations.{clinic}.{name}" for name, value in own if value == Path(file)]
        return named

    @property
    def own_readers(self) -> int:
        """Films that a process of the pages reads at once: none if a broker calls workers."""
        return 0 if self.broker else self.readers

    @property
    def mails_links(self) -> bool:
        """Whether links go out by mail: there is a mail server, and the address that they begin with is known."""
        return bool(self.smtp_host and self.public_url)

    @property
    def broker(self) -> str:
        """The broker's URL; empty if there is none."""
        return self.broker_url.get_secret_value()


def _read_file(settings_cls: type[BaseSettings], file: Path) -> TomlConfigSettingsSource:
    try:
        file.open("rb").close()  # pydantic passes over a file that is missing
        return TomlConfigSettingsSource(settings_cls, file)
    except OSError as error:
        raise SettingsFileError(f"The settings file {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise SettingsFileError(f"The settings file {file} is not written as TOML: {error}.") from error


class _EnvironmentWithoutFile:
    """The environment's settings without `LUNGWISE_SETTINGS`, which names the file and is not a setting."""

    def __init__(self, environment: PydanticBaseSettingsSource) -> None:
        self._environment = environment

    def __call__(self) -> dict[str, Any]:
        return {name: value for name, value in self._environment().items() if name != "settings"}
