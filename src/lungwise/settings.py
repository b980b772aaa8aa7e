"""Every setting of Lungwise in one place: from the environment, a settings file, or the default."""

from __future__ import annotations

import base64
import os
import re
import secrets
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lungwise.inputs import DHIS2_UID, only_data_elements, only_identifiers
from lungwise.languages import LANGUAGES
from lungwise.logs import LogFormat
from lungwise.time_zones import UTC_NAME, zone_names

DEFAULT_PREVALENCE = 0.1
"""One in ten of those filmed has COVID-19, where a clinic does not say otherwise."""
NOBODY = (
    "0, 1, UNKNOWN, UNK, ANONYMOUS, ANONYMISED, ANONYMIZED, ANON, DEIDENTIFIED, NONE, NULL, NIL, NA, NN, NO ID, NOID, "
    "NO NAME, NONAME, NOT KNOWN, NOT AVAILABLE, UNIDENTIFIED, UNNAMED, PATIENT, PATIENT ID, PATIENT NAME, TEST, DUMMY, "
    "XX, XXX, INCONNU, ANONYME, DESCONOCIDO, ANONIMO, UNBEKANNT, ANONYM, अज्ञात"
)

RESULT_OBJECTS = frozenset({"SR", "SC", "PDF"})
"""What is made of a study that was read: structured report, heat map over the film, report."""


class SettingsFileError(Exception):
    """The settings file cannot be read; says why."""


class Registration(StrEnum):
    """Who may open an account."""

    OPEN = "open"
    INVITATION = "invitation"
    APPROVED = "approved"


def new_key_text() -> str:
    """Make an encryption key: 32 random bytes in base64, as a word of the setting or a line of its file."""
    return secrets.token_urlsafe(32)


def key_words(text: str) -> list[str]:
    """Split a text into keys, by spaces, lines or commas."""
    return [word for word in re.split(r"[\s,]+", text) if word]


def key_bytes(word: str) -> bytes:
    """Return the bytes of a key.

    Raises
    ------
    ValueError
        If the word is not a key.
    """
    secret = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
    if len(secret) != 32:
        raise ValueError("A key is 32 random bytes in base64. Make one with: lungwise keys new")
    return secret


def _only_keys(given: SecretStr) -> SecretStr:
    for word in key_words(given.get_secret_value()):
        key_bytes(word)
    return given


def _not_guessable(given: SecretStr) -> SecretStr:
    """Require a long token, since nothing counts guesses at it."""
    if 0 < len(given.get_secret_value()) < 20:
        raise ValueError("This token is too short: anyone may guess at it. Make one with: openssl rand -hex 24")
    return given


def _only_with_boto3(url: str) -> str:
    if url and find_spec("boto3") is None:
        raise ValueError("A bucket needs more of Lungwise. Run bin/setup s3 in Lungwise's folder.")
    return url


_ORIGIN = re.compile(r"https?://([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9]\d{0,4})?")


def _only_an_origin(url: str) -> str:
    """Keep scheme, host and port: a link begins with nothing else, and a Host header has nothing else."""
    origin = url.strip().lower().removesuffix("/")
    if origin and not _ORIGIN.fullmatch(origin):
        raise ValueError("It is a scheme and a host, and a port where it needs one, as https://lungwise.example.org")
    return origin


def _only_origins(urls: str) -> str:
    return ", ".join(_only_an_origin(url) for url in _listed(urls))


def _only_result_objects(text: str) -> str:
    for kinds in re.findall(r"=([A-Z+]+)", text):
        if not set(kinds.split("+")) <= RESULT_OBJECTS:
            raise ValueError(f"It is AE=KIND+KIND, the kinds being {', '.join(sorted(RESULT_OBJECTS))}")
    return text


def _only_a_time_zone(name: str) -> str:
    if name not in zone_names():
        raise ValueError("It is the name of a time zone, as Africa/Nairobi, Asia/Kolkata or UTC")
    return name


PublicUrl = Annotated[str, AfterValidator(_only_an_origin)]
"""What a link begins with; empty if it is not known."""


def _data_folder() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "lungwise"


class Settings(BaseSettings):
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
    encryption_keys: Annotated[SecretStr, AfterValidator(_only_keys)] = SecretStr("")
    """Keys that films and patient data are encrypted with: the first encrypts, all decrypt. Separated by spaces or
    commas. Empty: made once and kept in the data folder as encryption.keys."""
    films_url: Annotated[str, AfterValidator(_only_with_boto3)] = Field(default="", pattern="^(s3://[^/]+(/.*)?)?$")
    """Films: empty for the data folder, or s3://bucket/prefix for S3-compatible storage (extra s3)."""
    s3_endpoint: str = ""
    """Address of the S3-compatible storage. Empty: Amazon's."""
    s3_region: str = ""
    """Region of the bucket, where the storage has regions."""
    s3_access_key: SecretStr = SecretStr("")
    """Access key of the bucket. Empty: what boto3 finds in its own files, or the machine's role."""
    s3_secret_key: SecretStr = SecretStr("")
    """Secret of that access key."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for the whole network."""
    port: int = Field(default=8000, ge=1, le=65535)
    """Port to listen on."""
    threads: int = Field(default=8, ge=2, le=256)
    """Requests answered at once."""
    readers: int = Field(default=1, ge=0, le=64)
    """Films that a process reads at once; 0 leaves them to `lungwise worker`."""
    broker_url: SecretStr = SecretStr("")
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
    registration: Registration = Registration.APPROVED
    """Who may open an account: anyone (open), the invited (invitation), or after approval (approved)."""
    second_factor: bool = False
    """Everyone must set up a second factor."""
    administrator_second_factor: bool = True
    """Administrators must set up a second factor; they are led to it after their first sign-in."""
    password_length: int = Field(default=12, ge=12, le=64)
    """Least length of a password."""
    argon2_time: int = Field(default=2, ge=1)
    """Passes of argon2id over its memory."""
    argon2_memory: int = Field(default=32768, ge=8)
    """Memory of argon2id in KiB."""
    session_idle_minutes: int = Field(default=60, ge=1)
    """Minutes without a request that sign a person out."""
    session_hours: int = Field(default=12, ge=1)
    """Hours after which everyone signs in again."""
    sign_in_failures: int = Field(default=5, ge=1, le=8)
    """Failed sign-ins of one account before it is locked for a while."""
    address_failures: int = Field(default=30, ge=1)
    """Failed sign-ins from one network address before it is locked for a while."""
    lock_minutes: int = Field(default=15, ge=15)
    """Minutes that a lock lasts."""
    upload_megabytes: int = Field(default=300, ge=1)
    """Largest upload, all its films together."""
    film_megabytes: int = Field(default=60, ge=1)
    """Largest single film."""
    film_seconds: float = Field(default=20, ge=1, le=600)
    """Seconds of the processor's time after which reading a film is stopped, and the film refused."""
    study_films: int = Field(default=50, ge=1, le=500)
    """Most films of one study."""
    other_objects: Literal["keep", "discard"] = "keep"
    """What is done with reports, documents, key object selections and presentation states that come beside films:
    `keep` them with their study, or acknowledge and `discard` them."""
    own_issuers: str = ""
    """Issuers of patient identifiers (0010,0021) that mean this clinic, separated by commas."""
    nobody: str = NOBODY
    """What a DICOM header says for an identifier or a name where it means nobody, separated by commas."""
    node_ae_title: str = Field(default="LUNGWISE", pattern="^[ -\\[\\]-~]{1,16}$")
    """AE title of the DICOM node, and of the sender."""
    node_clinic: str = ""
    """Clinic that films of the DICOM node belong to. Empty: the only one there is."""
    node_host: str = "127.0.0.1"
    """Address that the DICOM node listens on; 0.0.0.0 for the whole network."""
    node_port: int = Field(default=11112, ge=0, le=65535)
    """Port of the DICOM node; 0 for any free one."""
    node_callers: str = ""
    """AE titles that may send films to the node, separated by commas. Empty: any."""
    node_associations: int = Field(default=8, ge=1, le=100)
    """Associations that the node holds at once."""
    node_wait_seconds: int = Field(default=20, ge=0, le=120)
    """Seconds that a peer beyond these waits for a place before it is rejected."""
    node_idle_seconds: int = Field(default=30, ge=1, le=3600)
    """Seconds of silence after which the node ends an association."""
    node_megabytes: int = Field(default=64, ge=1, le=256)
    """Largest object that the node takes."""
    node_tls_certificate: Path | None = None
    """Certificate of the DICOM node; with it the node speaks TLS alone."""
    node_tls_key: Path | None = None
    """Key of that certificate."""
    node_tls_client_ca: Path | None = None
    """Certificate authority that the senders' own certificates must come from."""
    api_rate: int = Field(default=1200, ge=1)
    """Requests a minute that one token may make of the REST API, and of DICOMweb: over all processes where `broker_url`
    is Redis, otherwise in each process."""
    dicomweb_origins: Annotated[str, AfterValidator(_only_origins)] = ""
    """Web pages elsewhere that may ask DICOMweb with a token, such as a viewer's: their origins, as
    https://viewer.example.org, separated by commas. Empty: none."""
    send_to: str = Field(default="", pattern=r"^$|^[^@,]{1,16}@[^@,]+:\d{1,5}( *, *[^@, ][^@,]{0,15}@[^@,]+:\d{1,5})*$")
    """Archives that results are sent to, as AE@host:port, separated by commas. Empty: none."""
    send_objects: Annotated[str, AfterValidator(_only_result_objects)] = Field(
        default="", pattern=r"^$|^[^=,]{1,16}=[A-Z+]+( *, *[^=, ][^=,]{0,15}=[A-Z+]+)*$"
    )
    """Objects that an archive gets, as AE=SR+PDF, separated by commas: SR (structured report), SC (heat map over the
    film), PDF (report). An archive that is not named gets all of them."""
    send_tls_ca: Path | None = None
    """Certificate authority of the archives; with it results go over TLS, with the node's certificate."""
    smtp_host: str = ""
    """Mail server. Empty: no mail is sent, and administrators hand links over themselves."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    """Port of the mail server."""
    smtp_tls: bool = True
    """Use STARTTLS with the mail server."""
    smtp_user: str = ""
    """User at the mail server."""
    smtp_password: SecretStr = SecretStr("")
    """Password at the mail server."""
    smtp_sender: str = "lungwise@localhost"
    """Sender of the messages."""
    language: str = Field(default="en", pattern=f"^({'|'.join(LANGUAGES)})$")
    """Language where the browser asks for none of ours."""
    log_format: LogFormat = LogFormat.TEXT
    """How a log line is written: for people (text) or for programs (json)."""
    time_zone: Annotated[str, AfterValidator(_only_a_time_zone)] = UTC_NAME
    """Time zone of clinics whose administrator sets no other, as Africa/Nairobi: pages and reports show dates and times
    in it."""
    prevalence: float = Field(default=DEFAULT_PREVALENCE, ge=0, le=1)
    """Share of those filmed who have COVID-19: a page says what a verdict is worth at it."""
    result_days: int = Field(default=3, ge=0, le=30)
    """Most days between a film and a test for the test's result to count for the film."""
    model_folder: Path | None = None
    """Folder of a model that reads in place of the shipped one, as `lungwise export` writes it."""
    webhook_url: str = Field(default="", pattern=r"^$|^https?://[^/?#@\s]+([/?][^#\s]*)?$")
    """Address that is called about each alarm of the watch, as https://example.org/alarms. Empty: none."""
    webhook_secret: Annotated[SecretStr, AfterValidator(_not_guessable)] = SecretStr("")
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
    metrics_token: Annotated[SecretStr, AfterValidator(_not_guessable)] = SecretStr("")
    """Bearer token that opens /metrics to other machines, 20 characters at least. Empty: it opens to this machine
    alone."""
    report_font: Path | None = None
    """TrueType font of the PDF report, for letters that the fonts shipped with Lungwise lack: Korean, rare Chinese."""

    @model_validator(mode="after")
    def _signs_messages(self) -> Self:
        if self.webhook_url and not self.webhook_secret.get_secret_value():
            raise ValueError("webhook_url needs webhook_secret. Make one with: openssl rand -hex 24")
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
        return _listed(self.own_issuers)

    @property
    def nobody_list(self) -> list[str]:
        """What identifies nobody."""
        return _listed(self.nobody)

    @property
    def node_callers_list(self) -> list[str]:
        """The AE titles that may send films to the node; none named is all."""
        return _listed(self.node_callers)

    @property
    def dicomweb_origins_list(self) -> list[str]:
        """The origins of web pages that may ask DICOMweb."""
        return _listed(self.dicomweb_origins)

    @property
    def send_to_list(self) -> list[str]:
        """The archives that results are sent to."""
        return _listed(self.send_to)

    def objects_for(self, title: str) -> frozenset[str]:
        """Return the kinds of objects that an archive gets: SR, SC, PDF."""
        named = dict(one.split("=", 1) for one in _listed(self.send_objects))
        return frozenset(named[title].split("+")) if title in named else RESULT_OBJECTS

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


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


class _EnvironmentWithoutFile:
    """The environment's settings without `LUNGWISE_SETTINGS`, which names the file and is not a setting."""

    def __init__(self, environment: PydanticBaseSettingsSource) -> None:
        self._environment = environment

    def __call__(self) -> dict[str, Any]:
        return {name: value for name, value in self._environment().items() if name != "settings"}
