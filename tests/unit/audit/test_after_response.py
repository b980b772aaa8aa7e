from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lungwise.audit.actions import Action, Subject
from lungwise.audit.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_a_page_that_is_seen_is_recorded_and_one_that_is_not_there_is_not(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada")
    ada = visit(app, "192.0.2.7")
    ada.sign_in("ada@example.org")
    study = ada.upload(film())
    for path in (study, "/studies/nothing"):
        ada.get(path)
    with app.database.reading() as session:
        seen = session.query(AuditEntry).filter_by(action=Action.SAW, subject=Subject.STUDY).all()
        assert [(entry.subject_key, entry.address) for entry in seen] == [(study.rsplit("/")[-1], "192.0.2.7")]


def seen(app: Lungwise) -> list[tuple[str, str]]:
    """List what the trail says that people saw."""
    with app.database.reading() as session:
        entries = session.query(AuditEntry).filter_by(action=Action.SAW).order_by(AuditEntry.id)
        return [(entry.subject, entry.subject_key) for entry in entries]


@pytest.fixture
def film_key(app: Lungwise, ada: Visitor, film: Callable[..., bytes]) -> str:
    """Give the key of a film that nobody has looked at since it was uploaded."""
    study = ada.upload(film(1, 8), identifier="7", name="Grace Kamau")
    (key,) = set[str](re.findall(r"/films/([0-9a-f]{20})/", ada.get("/studies").text))
    assert study
    return key


def test_the_pictures_of_a_film_are_one_entry_for_an_hour(
    app: Lungwise, ada: Visitor, film_key: str, clock: Clock, visit: Callable[..., Visitor]
) -> None:
    for _round in range(2):
        for picture in ("picture.jpg", "page.jpg", "report.jpg", "thumbnail.jpg", "heat.png"):
            assert ada.get(f"/films/{film_key}/{picture}").status_code == 200
    assert seen(app) == [("film", film_key)]
    clock.forward(minutes=59)
    ada.get(f"/films/{film_key}/picture.jpg")
    assert len(seen(app)) == 1
    clock.forward(minutes=1)
    ada.get(f"/films/{film_key}/picture.jpg")
    assert len(seen(app)) == 2
    elsewhere = visit(app, "192.0.2.9")
    elsewhere.sign_in("ada@example.org")
    elsewhere.get(f"/films/{film_key}/picture.jpg")
    assert len(seen(app)) == 3


def test_a_page_that_shows_pictures_is_the_entry_of_them_all(app: Lungwise, ada: Visitor, film_key: str) -> None:
    study = re.findall(r'href="(/studies/[0-9a-f]{20})', ada.get("/studies").text)[0]
    page = ada.get(study).text
    pictures = set(re.findall(r'(?:src|srcset)="(/films/[^"]+)"', page))
    assert len(pictures) > 2
    for path in pictures:
        ada.get(path)
    assert seen(app) == [("study", study.rsplit("/")[-1])]


def test_a_study_that_a_rejected_form_shows_is_recorded(app: Lungwise, ada: Visitor, film_key: str) -> None:
    study = re.findall(r'href="(/studies/[0-9a-f]{20})', ada.get("/studies").text)[0]
    assert "Grace Kamau" in ada.post(f"{study}/opinions", page="/profile").text
    assert seen(app) == [("study", study.rsplit("/")[-1])]


def test_whoever_is_suggested_is_recorded_once_whatever_is_typed(app: Lungwise, ada: Visitor, film_key: str) -> None:
    for text in ("ka", "kam", "kama"):
        (one,) = ada.post("/patients/suggestions", page="/studies/new", text=text).json or []
        assert one["name"] == "Grace Kamau"
    assert ada.post("/patients/suggestions", page="/studies/new", text="nobody").json == []
    ((subject, key),) = seen(app)
    assert subject == "patient"
    assert ada.get(f"/patients/{key}/change").status_code == 200
    assert ada.get(f"/patients/{key}/order").status_code == 200
    assert len(seen(app)) == 1
