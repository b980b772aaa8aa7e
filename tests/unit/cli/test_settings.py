from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from commands import Run
from lungwise.cli.settings import read_settings
from lungwise.reports.typesetting.typefaces import FOLDER


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "nine", "port: It is a whole number."),
        ("PORT", "0", "port: It is 1 or more."),
        ("HTTPS", "maybe", "https: It is true or false."),
        ("OTHER_OBJECTS", "burn", "other_objects: It is 'keep' or 'discard'."),
        ("TIME_ZONE", "Kairo", "time_zone: It is the name of a time zone, as Africa/Nairobi, Asia/Kolkata or UTC."),
        ("ENCRYPTION_KEYS", "abcde", "encryption_keys: A key is 32 random bytes in base64. Make one with: openssl"),
        ("SEND_TO", "nonsense", "send_to: It is not written as it must be. Archives that results are sent to, as AE@"),
        ("LANGUAGE", "xx", "ours: en, es, fr or hi."),
        ("CLINIC_DESTINATIONS", '{"Hill": {"send_to": "x"}}', "clinic_destinations.Hill.send_to: It is not written"),
        ("CLINIC_DESTINATIONS", "[]", 'clinic_destinations: It is a table, as {"Hill": {"send_to": "AE@host:port"}}.'),
    ],
)
def test_a_wrong_setting_is_named_and_said_in_plain_words(
    name: str, value: str, sentence: str, run: type[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LUNGWISE_{name}", value)
    said = run("users", "list").no()
    assert said.startswith("Error: A setting is wrong. ") and sentence in said
    assert "Value error" not in said and "Input should" not in said


def test_a_report_font_that_is_missing_or_is_no_font_is_said(
    run: type[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("db", "upgrade").ok()
    font = tmp_path / "own.ttf"
    monkeypatch.setenv("LUNGWISE_REPORT_FONT", str(font))
    assert f"A setting is wrong. report_font: {font} is not there, or is no TrueType font." in run("users", "list").no()
    no_font = tmp_path / "text.ttf"
    no_font.write_text("no font")
    monkeypatch.setenv("LUNGWISE_REPORT_FONT", str(no_font))
    assert "is no TrueType font" in run("users", "list").no()
    own = tmp_path / "renamed.ttf"
    own.write_bytes(lzma.decompress((FOLDER / "NotoSans.ttf.xz").read_bytes()))
    monkeypatch.setenv("LUNGWISE_REPORT_FONT", str(own))
    run("users", "list").ok()


def test_a_table_that_is_no_json_is_said_and_not_quoted(run: type[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGWISE_CLINIC_DESTINATIONS", '{"Hill": {"report_webhook_secret": "hidden"')
    output = run("clinics", "list").no()
    assert output.startswith("Error: A setting is wrong. clinic_destinations: It is not JSON. It is a table, as {")
    assert "hidden" not in output and "Traceback" not in output and "Source" not in output


def test_settings_come_from_a_file_unless_the_environment_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.toml").write_text("port = 8123\nthreads = 3\n")
    monkeypatch.setenv("LUNGWISE_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("LUNGWISE_THREADS", "5")
    settings = read_settings()
    assert (settings.port, settings.threads) == (8123, 5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(None, "cannot be read"), ("port = = 1", "not written as TOML"), ("prot = 1", "prot: there is no setting")],
)
def test_a_settings_file_that_cannot_be_used_is_said(
    text: str | None, sentence: str, run: type[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("LUNGWISE_SETTINGS", str(file))
    assert sentence in run("users", "list").no()


def test_a_variable_that_is_no_setting_is_warned_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NODE_PROT", "TOKEN", "TEST_FILMS"):
        monkeypatch.setenv(f"LUNGWISE_{name}", "3")
    read_settings()
    read_settings()
    said = capsys.readouterr()
    warned = "There is no setting LUNGWISE_NODE_PROT: it is passed over. Is LUNGWISE_NODE_PORT meant?\n"
    assert (said.out, said.err) == ("", warned)
