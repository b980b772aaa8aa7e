from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import select

from commands import ADA, PASSWORD, Run
from lungwise.accounts.models import Mail
from lungwise.audit.models import AuditEntry
from lungwise.store import Database

if TYPE_CHECKING:
    import pytest

    from lungwise.settings import Settings


def test_tokens_are_made_once_listed_and_revoked(run: type[Run]) -> None:
    run("db", "upgrade").ok()
    run(*ADA).ok()
    text = run("tokens", "add", "ada@example.org", "--name", "script", "--scope", "upload").ok().strip()
    assert text.startswith("lw_")
    listed = run("tokens", "list", "--json").ok()
    assert text not in listed
    row = json.loads(listed)
    assert (row["scopes"], row["used"], row["state"]) == ("see upload", "never", "valid")
    run("tokens", "revoke", row["key"]).ok()
    assert "revoked" in run("tokens", "list").ok()
    assert "no token" in run("tokens", "revoke", "nothing").no()
    assert "no account" in run("tokens", "add", "eve@example.org", "--name", "script").no()
    assert "administrator" in run("tokens", "add", "ada@example.org", "--name", "x", "--machine").no()


def test_a_machines_token_whose_maker_is_deleted_names_no_address(run: type[Run]) -> None:
    run("db", "upgrade").ok()
    for name in ("ada", "bea"):
        facts = ("--name", name, "--clinic", "Hill", "--role", "administrator", "--password", PASSWORD)
        run("users", "add", f"{name}@example.org", *facts).ok()
    run("tokens", "add", "bea@example.org", "--name", "archive", "--machine", "--scope", "delete").ok()
    run("users", "delete", "bea@example.org", "--yes").ok()

    assert json.loads(run("tokens", "list", "--json").ok())["email"] == "(deleted account)"


def test_what_the_operator_does_with_a_token_is_the_operators_and_its_owner_is_told(
    run: type[Run], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUNGWISE_SMTP_HOST", "127.0.0.1")
    run("db", "upgrade").ok()
    run(*ADA).ok()
    run("tokens", "add", "ada@example.org", "--name", "script").ok()
    key = json.loads(run("tokens", "list", "--json").ok())["key"]
    for _twice in range(2):
        run("tokens", "revoke", key).ok()
    with closing(Database(settings)) as database, database.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()[-3:]
        said = [(one.person_name, one.action, one.subject) for one in entries]
        (mail,) = session.scalars(select(Mail))
    assert said == [
        ("command line", "made token", "token"),
        ("command line", "made token", "account"),
        ("command line", "revoked token", "token"),
    ]
    assert all(one.clinic_id for one in entries)
    assert "A token was created" in mail.content
