from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_study_is_uploaded_found_and_concluded(program: Any, film: Callable[..., bytes]) -> None:
    study = program.upload(film(1, 8), identifier="H-7")
    assert (study["standing"], study["taken"]) == ("positive", 1)
    found = program.ask("POST", "/studies/search", json={"text": "h-7"}).json
    assert [one["key"] for one in found["items"]] == [study["key"]] and found["next"] is None
    said = {"agrees": False, "note": "a scar"}
    opinion = program.ask("POST", f"/studies/{study['key']}/opinions", json=said)
    assert opinion.status_code == 201
    assert program.get(f"/studies/{study['key']}/opinions")["items"] == [opinion.json]


def test_a_film_that_the_clinic_has_is_not_taken_again(program: Any, film: Callable[..., bytes]) -> None:
    first, again = program.upload(film(1)), program.upload(film(1))
    assert (again["key"], again["taken"]) == (first["key"], 0)
    assert again["not_taken"][0]["code"] == "already-here"
