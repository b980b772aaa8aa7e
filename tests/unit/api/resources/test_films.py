from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_film_has_a_reading_a_heat_map_and_its_file(program: Any, film: Callable[..., bytes]) -> None:
    key = program.upload(film(1, 8))["films"][0]["key"]
    assert program.get(f"/films/{key}")["reading"]["verdict"] == "positive"
    assert program.get(f"/films/{key}/heat")["side"] == 17
    assert program.ask("GET", f"/films/{key}/heat.png").mimetype == "image/png"
    assert program.ask("GET", f"/films/{key}/original").data == film(1, 8)


def test_a_refused_film_has_no_heat_map(program: Any, blank: bytes) -> None:
    key = program.upload(blank)["films"][0]["key"]
    assert program.get(f"/films/{key}")["reading"]["refusal"]["reason"]
    assert program.ask("GET", f"/films/{key}/heat").status_code == 404
