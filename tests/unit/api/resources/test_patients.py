from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_patient_is_found_with_their_studies(program: Any, film: Callable[..., bytes]) -> None:
    study = program.upload(film(1), identifier="H-7", name="Béla Bartók", birth_date="1981-03-25")
    (found,) = program.ask("POST", "/patients/search", json={"text": "bartók"}).json["items"]
    assert (found["key"], found["birth_date"], found["identity"]) == (study["patient"], "1981-03-25", "clear")
    assert [one["key"] for one in program.get(f"/patients/{found['key']}")["studies"]] == [study["key"]]


def test_a_cursor_of_another_list_is_rejected(program: Any) -> None:
    assert program.ask("POST", "/patients/search", json={"cursor": "c3R1ZGllcyA3"}).status_code == 422
