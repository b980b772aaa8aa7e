"""The SQLite database is locked by another program, or damaged: pages that only read still read."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import event, func, select

from lungwise.access import Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail
from lungwise.studies.models import Study
from processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


def views(app: Lungwise, key: str) -> int:
    """Count how often the audit trail says that a study was seen."""
    seen = select(func.count()).where(
        AuditEntry.action == Action.SAW, AuditEntry.subject == Subject.STUDY, AuditEntry.subject_key == key
    )
    with app.database.reading() as session:
        return session.scalar(seen) or 0


def test_pages_that_only_read_still_read_and_the_audit_trail_catches_up(
    app: Lungwise,
    settings: Settings,
    clock: Clock,
    enrol: Callable[..., Person],
    visit: Callable[..., Visitor],
    film: Callable[..., bytes],
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1, 8))
    ada.get(study)
    key, before = study.rsplit("/", 1)[1], views(app, study.rsplit("/", 1)[1])
    with closing(sqlite3.connect(settings.data_folder / "lungwise.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        for path in ("/studies", study, study, "/patients", "/statistics", "/profile"):
            assert ada.client.get(path).status_code == 200
        assert time.monotonic() - began < 20  # one page waits for the lock for a moment, the others not at all
        assert len(app.database.postponed) == 2
        assert views(app, key) == before
    until(lambda: views(app, key) == before + 2)
    with app.database.reading() as session:
        assert AuditTrail(session, clock).verify() is None
        assert session.scalar(select(Study.unread).where(Study.key == key)) is False


def test_what_is_sent_meanwhile_is_not_kept_and_the_page_says_only_that(
    app: Lungwise,
    settings: Settings,
    enrol: Callable[..., Person],
    visit: Callable[..., Visitor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.get("/profile")
    monkeypatch.setattr("lungwise.store.sqlite.WAIT_SECONDS", 0.1)
    monkeypatch.setattr("lungwise.store.faults._RETRY_SECONDS", 0.1)
    event.listen(app.database.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=100"))
    with closing(sqlite3.connect(settings.data_folder / "lungwise.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = ada.post("/profile", name="Ida", language="")
    assert answer.status_code == 503
    assert "<h1>Not available right now</h1>" in answer.text
    assert "The database is busy right now. Nothing you just sent was kept. Please try again." in answer.text
    assert f"Request number: {answer.headers['X-Request-ID']}" in answer.text
    assert "Ida" not in ada.get("/profile").text


def damage(settings: Settings, table: str) -> None:
    """Overwrite where a table begins in the file, as a failing disk does."""
    with closing(sqlite3.connect(settings.data_folder / "lungwise.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = other.execute("PRAGMA page_size").fetchone()[0]
        page = other.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()[0]
    with (settings.data_folder / "lungwise.sqlite").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def test_where_a_part_is_damaged_the_rest_still_reads_and_nothing_is_promised(
    app: Lungwise,
    settings: Settings,
    enrol: Callable[..., Person],
    visit: Callable[..., Visitor],
    film: Callable[..., bytes],
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1, 8))
    ada.get(study)
    app.database.engine.dispose()
    damage(settings, AuditEntry.__tablename__)
    for path in ("/studies", study, "/statistics"):
        assert ada.client.get(path).status_code == 200
    broken = ada.client.get("/audit")
    assert broken.status_code == 503
    assert "<p>The database, or the disk it is on, is damaged. Tell your administrator.</p>" in broken.text
