from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from annotated_types import Ge, Le
from pydantic import SecretStr, ValidationError

from lungwise.films.limits import MAX_BYTES
from lungwise.settings import Settings


def test_the_environment_comes_before_the_file_and_the_file_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('port = 9000\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("LUNGWISE_SETTINGS", str(file))
    monkeypatch.setenv("LUNGWISE_PORT", "9001")
    settings = Settings()
    assert (settings.port, settings.host, settings.threads) == (9001, "0.0.0.0", 8)
    assert Settings(port=9002).port == 9002


def test_a_line_of_the_file_that_is_not_a_setting_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("prot = 9000\n")
    monkeypatch.setenv("LUNGWISE_SETTINGS", str(file))
    with pytest.raises(ValidationError, match="prot"):
        Settings()


def test_every_number_has_bounds() -> None:
    numbers = {name: field for name, field in Settings.model_fields.items() if field.annotation in (int, float)}
    assert len(numbers) > 30
    for name, field in numbers.items():
        assert {Ge, Le} <= {type(one) for one in field.metadata}, name


def test_no_setting_allows_a_film_that_is_never_read() -> None:
    (most,) = (one.le for one in Settings.model_fields["film_megabytes"].metadata if isinstance(one, Le))
    assert most == MAX_BYTES >> 20


@pytest.mark.parametrize(
    ("setting", "written"),
    [
        ("send_to", "A@host:{}"),
        ("send_to", "B@host:104, A@host:{}"),
        ("node_commitment_to", "A@host:{}"),
        ("hl7_results_to", "HIS@HILL=host:{}"),
        ("priors_from", "A@host:{}"),
        ("priors_from", "https://host:{}/dicom-web"),
        ("worklist_from", "A@host:{}"),
        ("audit_syslog", "host:{}"),
        ("public_url", "https://host:{}"),
        ("fhir_url", "https://host:{}/fhir"),
        ("fhir_url", "https://[2001:db8::1]:{}/fhir"),
        ("webhook_url", "https://host:{}/alarms"),
    ],
)
def test_a_port_is_one(setting: str, written: str) -> None:
    secret = {"webhook_secret": SecretStr("a secret that nobody guesses")}
    for port in (1, 104, 9999, 10000, 65535):
        assert getattr(Settings(**{setting: written.format(port)}, **secret), setting) == written.format(port)  # type: ignore[arg-type]
    for port in (0, 65536, 66000, 70000, 99999, 100000):
        with pytest.raises(ValidationError, match=setting):
            Settings(**{setting: written.format(port)}, **secret)  # type: ignore[arg-type]


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 0},
        {"public_url": "https://lungwise.example.org/path"},
        {"public_url": "lungwise.example.org"},
        {"metrics_token": "short"},
        {"encryption_keys": "secret"},
        {"films_url": "https://bucket"},
        {"send_to": "ARCHIVE"},
        {"send_objects": "ARCHIVE"},
        {"send_objects": "ARCHIVE=SR+FILM"},
        {"other_objects": "hide"},
        {"priors_from": "ARCHIVE"},
        {"priors_from": "http://archive.example.org/dicom-web"},
        {"priors_from": "https://a:b@archive.example.org/dicom-web"},
        {"priors_from": "https://archive.example.org/dicom-web?a=b"},
        {"worklist_from": "https://ris.example.org"},
    ],
)
def test_a_wrong_value_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Settings(**wrong)


def test_a_public_url_is_kept_in_one_spelling() -> None:
    assert Settings(public_url=" HTTPS://Lungwise.Example.org/ ").public_url == "https://lungwise.example.org"


def test_lists_are_separated_by_commas() -> None:
    settings = Settings(node_callers="CT1, CT2,,", send_to="PACS@10.0.0.1:104", own_issuers="")
    assert settings.node_callers_list == ["CT1", "CT2"]
    assert settings.send_to_list == ["PACS@10.0.0.1:104"]
    chosen = Settings(send_objects="PACS=SR+PDF, OLD=PDF")
    assert [chosen.objects_for(name) for name in ("PACS", "OLD", "NEW")] == [
        {"SR", "PDF"},
        {"PDF"},
        {"SR", "SC", "PDF", "GSPS"},
    ]
    assert settings.own_issuers_list == []
    assert "ANONYMOUS" in settings.nobody_list


def test_what_follows_from_several_settings(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path)
    assert settings.database == f"sqlite:///{tmp_path}/lungwise.sqlite"
    assert (settings.own_readers, settings.broker, settings.mails_links) == (1, "", False)
    with_more = Settings(
        broker_url=SecretStr("redis://host/0"), smtp_host="mail", public_url="http://a", database_url="mysql://b/c"
    )
    assert (with_more.own_readers, with_more.mails_links, with_more.database) == (0, True, "mysql://b/c")


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("node_tls_client_ca", "node_tls_certificate"),
        ("node_tls_key", "node_tls_certificate"),
        ("hl7_tls_client_ca", "hl7_tls_certificate"),
        ("database_tls_certificate", "database_tls_ca"),
    ],
)
def test_what_asks_for_tls_is_refused_where_there_would_be_none(name: str, needed: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {name: tmp_path / "file.pem"}
    with pytest.raises(ValidationError, match=f"{name} needs {needed}"):
        Settings(**given)
    assert getattr(Settings(**given, **{needed: given[name]}), name) == given[name]
