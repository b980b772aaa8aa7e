from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from lungwise.api.headline_schemas import Headline
from lungwise.studies.answers import Level

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_headline_has_the_levels_of_the_pages() -> None:
    assert set(get_args(Headline.model_fields["level"].annotation)) == {level.value for level in Level}


def test_a_study_a_film_and_a_line_of_the_worklist_say_what_the_pages_say(
    program: Any, film: Callable[..., bytes], blank: bytes
) -> None:
    study = program.upload(film(1, 8), blank)
    headline = study["headline"]
    assert headline["level"] == "red"
    assert headline["text"].startswith("One film could not be read. Looks like COVID-19 pneumonia.")
    assert headline["number"]["sentence"] == "COVID-19: calibrated probability"  # not of the shipped model
    assert headline["film"] == study["films"][0]["key"]
    read, refused = (program.get(f"/films/{one['key']}") for one in study["films"])
    assert (read["headline"]["level"], read["headline"]["film"]) == ("red", None)
    assert refused["headline"]["text"].startswith("Not read.")
    assert read["reading"]["normal"]["probability"] == read["reading"]["findings"]["normal"]
    assert (read["reading"]["pattern"], refused["reading"]["normal"]) == ("COVID-19", None)
    (line,) = program.get("/studies")["items"]
    assert line["headline"] == headline
