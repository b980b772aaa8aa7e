from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from lungwise.studies.models import FilmRecord, ReadingRecord, monday


@pytest.mark.parametrize("day", [date(2026, 3, 2), date(2026, 3, 5), date(2026, 3, 8)])
def test_a_week_begins_on_monday(day: date) -> None:
    assert monday(day) == date(2026, 3, 2)


def test_a_heat_map_is_square_and_between_0_and_1() -> None:
    heat_map = ReadingRecord(heat=bytes(range(256))).heat_map
    assert heat_map is not None and heat_map.shape == (16, 16)
    assert (heat_map.min(), heat_map.max()) == (0, 1) and heat_map.dtype == np.float32
    assert ReadingRecord(heat=None).heat_map is None


def test_a_refusal_of_an_earlier_release_keeps_its_sentence() -> None:
    refusal = ReadingRecord(refusal_code="damaged", refusal_reason="It is broken.").refusal
    assert refusal is not None and refusal.values == {"sentence": "It is broken."}
    assert ReadingRecord().refusal is None


def test_a_camera_film_asks_for_its_corners_until_they_are_marked_or_it_is_read() -> None:
    film = FilmRecord(by_camera=True)
    assert film.asks_for_corners and film.reading is None
    film.corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    assert not film.asks_for_corners and film.photographed is not None
