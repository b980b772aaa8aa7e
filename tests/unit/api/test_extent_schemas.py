from __future__ import annotations

from typing import Any, get_args

from dated_films import BRIGHT, DARK, dated_film
from lungwise.api.extent_schemas import ExtentChange, View
from lungwise.reading.extent import Direction
from lungwise.reading.reader import FRONTAL


def test_views_and_directions_are_those_of_a_reading() -> None:
    assert set(get_args(View)) == set(FRONTAL)
    assert set(get_args(ExtentChange.model_fields["direction"].annotation)) == set(Direction)


def test_a_film_says_its_extent_and_what_changed(program: Any, blank: bytes) -> None:
    earlier = program.upload(dated_film("20260301", DARK))["films"][0]
    later, refused = program.upload(dated_film("20260310", BRIGHT), blank)["films"]
    film = program.get(f"/films/{later['key']}")

    extent, change = film["reading"]["extent"], film["extent_change"]
    assert film["reading"]["view"] == "PA"
    assert set(extent) == {"percent", "brixia", "repeatability"}
    assert (change["film"], change["taken_on"], change["direction"]) == (earlier["key"], "2026-03-01", "more")
    assert change["points"] > change["repeatability"] == extent["repeatability"] == 10
    assert later["extent_change"] == change
    assert earlier["extent_change"] is None
    assert refused["extent_change"] is None and refused["reading"]["extent"] is None
