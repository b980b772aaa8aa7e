from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Person

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.web_app import Lungwise


@pytest.fixture
def ada(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    return ada


def test_films_become_a_study_and_further_ones_are_added(ada: Visitor, film: Callable[..., bytes]) -> None:
    study = ada.upload(film(1), name="Clara", identifier="H-1")
    added = ada.post(f"{study}/films", page=study, films=[(io.BytesIO(film(2)), "2.jpg")])
    assert added.headers["Location"] == study
    assert "Clara" in ada.get(study).text


def test_what_is_not_a_film_is_named_and_a_known_film_leads_to_its_study(
    ada: Visitor, film: Callable[..., bytes]
) -> None:
    files = [(io.BytesIO(film(1)), "1.jpg"), (io.BytesIO(b"a letter"), "letter.pdf")]
    assert "letter.pdf" in ada.post("/studies/new", films=files, name="Clara", follow=True).text
    again = ada.post("/studies/new", films=[(io.BytesIO(film(1)), "1.jpg")], follow=True).text
    assert "already here: study of Clara" in again
    assert "is not saved: check it there" not in again
    alone = ada.post("/studies/new", films=[(io.BytesIO(b"a letter"), "letter.pdf")]).text
    assert "letter.pdf is not a film" in alone


def test_what_was_corrected_after_an_answer_was_lost_is_not_passed_over_in_silence(
    ada: Visitor, film: Callable[..., bytes]
) -> None:
    ada.upload(film(1), name="Wrong Person", identifier="W-1")

    def send(**fields: str) -> str:
        return ada.post("/studies/new", films=[(io.BytesIO(film(1)), "1.jpg")], follow=True, **fields).text

    assert "is not saved: check it there" in send(name="Wrong Person", identifier="W-1", spo2="85")
    assert "is not saved: check it there" in send(identifier="W-1", birth_date="1980-02-01")
    for _time in range(2):
        page = send(name="Right Person", identifier="R-1", spo2="85")
        assert "The same film is also in a study of Wrong Person (W-1)" in page
        assert "Right Person" in page and "85 %" in page and "is not saved" not in page


def test_the_form_says_what_a_birth_date_is_for_and_pages_with_what_one_agrees(
    ada: Visitor, film: Callable[..., bytes]
) -> None:
    assert "a child's film gets an adult's answer" in ada.get("/studies/new").text
    assert "<legend>The result above</legend>" in ada.get(ada.upload(film(1))).text
    assert "COVID-19 verdict" in ada.get("/statistics").text


def test_a_photograph_leads_to_its_corners(ada: Visitor, film: Callable[..., bytes]) -> None:
    answer = ada.post("/studies/new", camera=[(io.BytesIO(film(1)), "1.jpg")])
    assert answer.headers["Location"].endswith("/corners")
