"""The commands over accounts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from itsdangerous import URLSafeTimedSerializer

from lungwise.accounts.links import RECOVERY_SALT
from lungwise.accounts.service import Accounts
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail
from lungwise.cli import main
from lungwise.settings import Settings
from lungwise.store import Database, utc_now
from lungwise.store.secret_key import signing_key

PASSWORD = "three green kites fly"
ADA, BOB = "ada@example.org", "bob@example.org"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["users", *words])


def ok(*words: str) -> str:
    """Run a command that goes well, and give what it prints."""
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def no(*words: str) -> str:
    """Run a command that is refused, and give what it says."""
    result = run(*words)
    assert result.exit_code == 1, result.output
    return result.output


@pytest.fixture(autouse=True)
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a clinic with an administrator and a doctor."""
    for name, value in {"DATA_FOLDER": str(tmp_path), "ARGON2_TIME": "1", "ARGON2_MEMORY": "64"}.items():
        monkeypatch.setenv(f"LUNGWISE_{name}", value)
    CliRunner().invoke(main, ["db", "upgrade"])
    for email, role in ((ADA, "administrator"), (BOB, "doctor")):
        ok("add", email, "--name", email[:3], "--clinic", "Hill", "--role", role, "--password", PASSWORD)


def states() -> dict[str, tuple[str, str]]:
    rows = [json.loads(line) for line in ok("list", "--json").splitlines()]
    return {row["email"]: (row["role"], row["state"]) for row in rows}


def test_an_account_is_disabled_enabled_and_given_another_role() -> None:
    ok("disable", BOB)
    ok("set-role", BOB, "radiologist")
    assert states()[BOB] == ("radiologist", "disabled")
    assert json.loads(ok("enable", BOB, "--json")) == {"email": BOB, "state": "active"}
    assert json.loads(ok("set-role", BOB, "doctor", "--json")) == {"email": BOB, "role": "doctor"}
    assert states()[BOB] == ("doctor", "active")


def test_the_last_administrator_stays() -> None:
    for words in (("disable", ADA), ("set-role", ADA, "doctor"), ("delete", ADA, "--yes")):
        assert "only administrator" in no(*words)
    assert states()[ADA] == ("administrator", "active")


def test_an_account_is_deleted_when_one_is_sure() -> None:
    assert "Aborted" in no("delete", BOB)
    assert json.loads(ok("delete", BOB, "--yes", "--json"))["state"] == "deleted"
    assert set(states()) == {ADA}
    assert "no account" in no("reset-link", BOB)


def test_a_second_factor_is_reset() -> None:
    settings = Settings()
    database = Database(settings)
    with database.writing() as session:
        user = Accounts(session, utc_now, settings, AuditTrail(session, utc_now)).by_email(ADA)
        assert user is not None
        user.tf_primary_method, before = "authenticator", user.fs_uniquifier
    assert json.loads(ok("reset-second-factor", ADA, "--json")) == {"email": ADA, "second_factor": False}
    with database.reading() as session:
        user = Accounts(session, utc_now, settings, AuditTrail(session, utc_now)).by_email(ADA)
        assert user is not None
        assert user.tf_primary_method is None
        assert user.fs_uniquifier != before, "its sessions are over"
    database.close()


def test_a_recovery_link_is_a_path_unless_its_address_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = run("reset-link", ADA)
    assert printed.stdout.startswith("/password/forgotten/")
    assert "Put before it the address" in printed.stderr
    token = printed.stdout.strip().rsplit("/", 1)[1]
    assert URLSafeTimedSerializer(signing_key(Settings()), salt=RECOVERY_SALT).loads(token)
    with_url = run("reset-link", ADA, "--url", "http://192.168.1.5:8000/", "--json")
    assert json.loads(with_url.stdout)["link"].startswith("http://192.168.1.5:8000/password/forgotten/")
    assert run("reset-link", ADA, "--url", "ftp://x").exit_code == 2
    monkeypatch.setenv("LUNGWISE_PUBLIC_URL", "https://lungwise.example.org")
    assert ok("reset-link", ADA).startswith("https://lungwise.example.org/password/forgotten/")
    ok("disable", BOB)
    assert "Enable it first" in no("reset-link", BOB)


def test_somebody_is_invited_to_a_clinic_that_there_is() -> None:
    assert ok("invite", "eve@example.org", "--role", "radiologist").startswith("/invitation/")
    assert json.loads(ok("invite", "eve@example.org", "--clinic", "Hill", "--json"))["email"] == "eve@example.org"
    assert "Name the clinic" in no("invite", "eve@example.org", "--clinic", "Valley")
    assert "already has an account" in no("invite", BOB)


def test_what_a_command_does_is_in_the_audit_trail() -> None:
    for words in (("disable", BOB), ("enable", BOB), ("set-role", BOB, "radiologist"), ("reset-second-factor", BOB)):
        ok(*words)
    for words in (("reset-link", BOB), ("invite", "eve@example.org"), ("delete", BOB, "--yes")):
        ok(*words)
    database = Database(Settings())
    with database.reading() as session:
        by_command = session.query(AuditEntry).filter_by(person_name="command line").order_by(AuditEntry.id).all()
        assert AuditTrail(session, utc_now).verify() is None
    database.close()
    actions = ["disabled", "enabled", "changed role", "reset second factor", "made recovery link", "invited", "deleted"]
    assert [entry.action for entry in by_command] == actions
    assert {entry.address for entry in by_command} == {"command line"}


def test_an_account_is_linked_with_the_identity_provider_and_unlinked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "names no identity provider" in no("link-oidc", BOB, "4f1c")
    told = {"ISSUER": "https://id.example.org", "CLIENT_ID": "lungwise", "ROLES": "chest=doctor"}
    for name, value in {
        **{f"OIDC_{name}": value for name, value in told.items()},
        "PUBLIC_URL": "https://l.org",
    }.items():
        monkeypatch.setenv(f"LUNGWISE_{name}", value)
    assert json.loads(ok("link-oidc", BOB, "4f1c", "--json")) == {"email": BOB, "linked": True}
    assert "linked to an account already" in no("link-oidc", ADA, "4f1c")
    assert "linked already" in no("link-oidc", BOB, "5a2d")
    assert "has no password here" in no("reset-link", BOB)
    ok("unlink-oidc", BOB)
    assert "is not linked" in no("unlink-oidc", BOB)
    ok("reset-link", BOB)
    ok("link-oidc", ADA, "4f1c")


def test_a_clinic_that_is_made_is_said_and_one_made_by_mistake_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    eve = ("add", "eve@example.org", "--name", "Eve", "--role", "administrator", "--password", PASSWORD, "--clinic")
    assert "almost this name: Hill" in no(*eve, "hill ")
    with monkeypatch.context() as patch:
        patch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _self: True)
        asked = run(*eve, "Hil")
    assert asked.exit_code == 1 and "There is no clinic Hil, but: Hill. Make it?" in asked.output
    assert "A new clinic was made: Hil." in ok(*eve, "Hil")
    joined = ok("add", "joe@example.org", "--name", "Joe", "--password", PASSWORD, "--clinic", " Hill ", "--json")
    assert json.loads(joined)["new_clinic"] is False and json.loads(joined)["clinic"] == "Hill"

    def remove(clinic: str) -> Result:
        return CliRunner().invoke(main, ["clinics", "remove", clinic, "--yes"])

    assert "Hill is not empty: it has accounts" in remove("Hill").output
    assert "Hil is not empty: it has accounts" in remove("Hil").output
    ok("delete", "eve@example.org", "--yes")
    assert "Hil and its 0 films are removed here" in remove("Hil").output
    assert {row["clinic"] for row in map(json.loads, ok("list", "--json").splitlines())} == {"Hill"}
    assert "There is no clinic Hil." in remove("Hil").output
    assert CliRunner().invoke(main, ["audit", "verify"]).exit_code == 0
