from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lungwise.access import Role
from lungwise.store.backup import note_backup

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_an_administrator_looks_at_old_studies_and_deletes_them(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes], clock: Clock
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1, 8))
    assert "Your clinic keeps every study." in ada.get("/clinic/old-studies").text
    fields = ("letterhead", "time_zone", "prevalence", "language", "registration", "result_days", "sampled")
    entered: dict[str, Any] = {"name": "Hill", "retention": "delete", **dict.fromkeys(fields, "")}
    refused = ada.post("/clinic", **entered, retention_days="")
    assert "Enter after how many days a study is old." in refused.text
    assert ada.post("/clinic", **entered, retention_days="365").status_code == 302
    clock.forward(days=400)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    page = ada.get("/clinic/old-studies").text
    assert "Kept: no backup holds them" in page and "No study is due." in page
    with app.database.writing() as session:
        note_backup(session, clock(), "")
    page = ada.get("/clinic/old-studies").text
    assert study in page
    (agreement,) = re.findall(r'name="agreement"[^>]*value="(\w+)"', page)
    assert "Tick this first." in ada.post("/clinic/old-studies", agreement=agreement).text
    changed = ada.post("/clinic/old-studies", agreement="0" * 20, sure="y").text
    assert "What is due has changed since you looked." in changed
    done = ada.post("/clinic/old-studies", agreement=agreement, sure="y", follow=True).text
    assert "1 study is deleted." in done
    assert ada.get(study).status_code == 404


def test_the_page_is_an_administrators(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Bob")
    bob = visit(app)
    bob.sign_in("bob@example.org")
    assert bob.get("/clinic/old-studies").status_code == 404
