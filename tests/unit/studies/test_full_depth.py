from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from lungwise.films.dicom.full_depth import FullDepth
from lungwise.films.dicom.grey_levels import Window
from lungwise.studies.full_depth import as_shown, encoded, packed


def depth() -> FullDepth:
    values = np.random.default_rng(1).integers(0, 2**16, (90, 70)).astype(np.uint16)
    window = Window(name="", low=1.5, high=9)
    return FullDepth(values=values, top=65535, slope=1, intercept=-3, bits=16, windows=(window,))


def test_what_is_sent_says_every_value() -> None:
    film = depth()
    head, planes = encoded(film).split(b"\n", 1)
    about = json.loads(head)
    assert (about["rows"], about["columns"], about["intercept"], about["curve"]) == (90, 70, -3, None)
    assert about["windows"] == [{"name": "", "low": 1.5, "high": 9}]
    low, high = np.frombuffer(planes, np.uint8).reshape(2, 90, 70).astype(np.int64)
    words = low | high << 8
    steps = (words >> 1) ^ -(words & 1)
    assert (np.cumsum(steps, axis=1) % 2**16 == film.values).all()


def test_a_films_neighbouring_values_pack_well() -> None:
    rows, columns = np.mgrid[:400, :400]
    noise = np.random.default_rng(2).normal(0, 4, (400, 400))
    film = FullDepth(
        values=(2000 + 4 * rows + 3 * columns + noise).astype(np.uint16), top=4095, slope=1, intercept=0, bits=12
    )
    data = encoded(film)
    assert len(packed(data)) < 0.55 * len(data)
    assert gzip.decompress(packed(data)) == data


@pytest.mark.parametrize("turns", [0, 1])
def test_what_is_shown_is_small_enough_and_upright(turns: int) -> None:
    film = as_shown(depth(), 45, turns)
    assert film.values.shape == ((45, 35), (35, 45))[turns]
