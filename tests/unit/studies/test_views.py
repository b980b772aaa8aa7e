from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from conftest import open_app
from lungwise.access import Person, Role

if TYPE_CHECKING:
    from conftest import Clock, Visitor
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


@pytest.fixture
def ada(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    return ada


@pytest.fixture
def without_readers(settings: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Lungwise]:
    """Give the application where nobody reads films."""
    migrate(settings)
    yield from open_app(settings.model_copy(update={"readers": 0}), clock)


def test_a_study_that_waits_has_a_script_and_a_link_that_load_it_again(
    without_readers: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(without_readers, "Ada")
    ada = visit(without_readers)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1))
    page = ada.client.get(study).text
    assert "waiting.js" in page
    assert re.search(f'<noscript><p><a class="button" href="{study}">Load this page again</a>', page)
    assert "http-equiv" not in page


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
