from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dicom_files import dicom_file
from lungwise.access import Person
from synthetic_films import chest_words

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.web_app import Lungwise


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


def dicom(bits: int = 12, **attributes: Any) -> bytes:
    """Draw a DICOM film of a named patient."""
    about: dict[str, Any] = {"PatientID": "H-7", "PatientName": "Okafor^Amara", "BitsStored": bits} | attributes
    return dicom_file(chest_words(bits=bits), **about)


def film_of(page: str) -> str:
    return str(re.findall(r"/films/(\w{20})", page)[0])


def test_a_dicom_films_numbers_are_served_at_their_full_depth(ada: Visitor, film: Callable[..., bytes]) -> None:
    key = film_of(ada.get(ada.upload(dicom())).text)
    answer = ada.get(f"/films/{key}/levels/1600", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and answer.headers["Cache-Control"] == "no-store"
    head, planes = gzip.decompress(answer.data).split(b"\n", 1)
    about = json.loads(head)
    assert about["bits"] == 12 and about["top"] > 255
    assert len(planes) == 2 * about["rows"] * about["columns"]
    assert ada.get(f"/films/{key}/levels/1600").data == head + b"\n" + planes
    assert ada.get(f"/films/{key}/levels/100000").status_code == 404
    picture = film_of(ada.get(ada.upload(film(1))).text)
    assert ada.get(f"/films/{picture}/levels/1600").status_code == 404


def test_nobody_of_another_clinic_gets_a_films_numbers(
    ada: Visitor, app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    key = film_of(ada.get(ada.upload(dicom())).text)
    enrol(app, "Eve", "Plain")
    eve = visit(app)
    assert eve.get(f"/films/{key}/levels/1600").status_code == 302
    eve.sign_in("eve@example.org")
    for what in ("levels/1600", "geometry", "page.jpg", "report.jpg"):
        assert eve.get(f"/films/{key}/{what}").status_code == 404


def test_a_films_size_and_sides_are_told_as_far_as_its_file_says(ada: Visitor, film: Callable[..., bytes]) -> None:
    key = film_of(ada.get(ada.upload(dicom(PatientOrientation=["L", "F"], ImagerPixelSpacing=["0.2", "0.2"]))).text)
    told = ada.get(f"/films/{key}/geometry").json or {}
    assert told["sides"] == {"left": "R", "right": "L"} and told["scale"] == "detector" and told["width"] > 0
    key = film_of(ada.get(ada.upload(film(1))).text)
    assert ada.get(f"/films/{key}/geometry").json == {"width": None, "height": None, "scale": None, "sides": {}}


def test_what_is_compared_has_the_day_on_which_it_was_taken(ada: Visitor, film: Callable[..., bytes]) -> None:
    ada.upload(dicom(StudyDate="20240506"))
    key = film_of(ada.get(ada.upload(film(1), identifier="H-7")).text)
    page = ada.get(f"/films/{key}").text
    assert "Taken 6 May 2024" in page and "Uploaded 2 Mar 2026" in page


def test_a_list_has_a_small_picture_that_is_made_once(
    app: Lungwise, ada: Visitor, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.upload(film(1), identifier="H-1")
    (address,) = set(re.findall(r'src="(/films/\w{20}/small\.jpg)"', ada.get("/studies").text))
    first = ada.get(address)
    assert first.content_type == "image/jpeg"
    assert len(first.data) < 6000
    monkeypatch.setattr("lungwise.studies.film_views._picture", None)
    assert ada.get(address).data == first.data


def test_the_menu_says_that_a_film_is_a_part_of_the_worklist(ada: Visitor, film: Callable[..., bytes]) -> None:
    study = ada.upload(film(1), identifier="H-1")
    (key,) = set(re.findall(r'href="/films/(\w{20})"', ada.get(study).text))
    for page in (study, f"/films/{key}"):
        assert re.search(r'<a href="/studies"[^>]* aria-current="[^"]+"', ada.get(page).text), page
    assert not re.search(r'<a href="/studies"[^>]* aria-current="[^"]+"', ada.get("/patients").text)
