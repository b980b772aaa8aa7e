from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from lungwise.patients.forms import PatientFields, SearchForm
from lungwise.patients.service import PatientFacts

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise


def test_fields_are_facts_without_spaces_around_them(app: Lungwise) -> None:
    fields = {"identifier": " H-1 ", "name": "Clara ", "sex": "F", "birth_date": "1980-05-01"}
    with app.test_request_context("/", method="POST", data=fields):
        assert PatientFields().facts() == PatientFacts(
            identifier="H-1", name="Clara", sex="F", birth_date=date(1980, 5, 1)
        )
    with app.test_request_context("/", method="POST", data={}):
        assert PatientFields().facts() == PatientFacts()


@pytest.mark.parametrize("text", ["a\nb", "a\x7f", "\x00"])
def test_control_characters_are_rejected(text: str, app: Lungwise) -> None:
    with app.test_request_context("/", method="POST", data={"name": text}):
        form = PatientFields()
        form.name.validate(form)
        assert form.name.errors


def test_a_search_of_a_hundred_letters_is_the_longest(app: Lungwise) -> None:
    for length in (100, 101):
        with app.test_request_context("/", method="POST", data={"text": "a" * length}):
            form = SearchForm()
            assert form.text.validate(form) is (length == 100)
