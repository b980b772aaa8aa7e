from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Person, Role

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.web_app import Lungwise


@pytest.fixture
def ada(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    return ada


def test_a_films_pictures_and_its_file_are_served(ada: Visitor, film: Callable[..., bytes]) -> None:
    study = ada.upload(film(1), identifier="H-1")
    (key,) = {*re.findall(r"/films/(\w{20})", ada.get(study).text)}
    for name, kind in (("picture.jpg", "image/jpeg"), ("thumbnail.jpg", "image/jpeg")):
        assert ada.get(f"/films/{key}/{name}").content_type == kind
    original = ada.get(f"/films/{key}/original")
    assert original.data == film(1)
    assert original.headers["Content-Disposition"] == f'attachment; filename="film-{key}.jpg"'
    assert "H-1" in ada.get(f"/films/{key}").text
    assert ada.get("/films/" + "0" * 20 + "/picture.jpg").status_code == 404


def test_a_study_is_deleted_only_when_one_is_sure(ada: Visitor, film: Callable[..., bytes]) -> None:
    study = ada.upload(film(1))
    assert "This field is required" in ada.post(f"{study}/delete", page=study).text
    assert "The study is deleted" in ada.post(f"{study}/delete", page=study, sure="y", follow=True).text
    assert ada.get(study).status_code == 404
