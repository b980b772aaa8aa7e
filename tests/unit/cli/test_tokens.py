from __future__ import annotations

import json

from commands import ADA, Run


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
