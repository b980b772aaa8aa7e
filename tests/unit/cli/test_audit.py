from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, text

from commands import ADA, Run


def test_the_audit_trail_is_verified(run: type[Run], tmp_path: Path) -> None:
    run("db", "upgrade").ok()
    run(*ADA).ok()
    assert "1 entries" in run("audit", "verify").ok()
    engine = create_engine(f"sqlite:///{tmp_path}/data/lungwise.sqlite")
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit_entries SET person_name = 'Eve'"))
    engine.dispose()
    assert "breaks at entry 1" in run("audit", "verify").no()
