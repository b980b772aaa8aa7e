from __future__ import annotations

import numpy as np

from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.cli.synthetic_reader import SyntheticFilmReader
from lungwise.films import open_film
from lungwise.reading import Verdict


def test_the_more_is_drawn_into_a_film_the_likelier_it_is_called() -> None:
    reader = SyntheticFilmReader()
    readings = [reader.read(open_film(as_jpeg(synthetic_film(3, opacities)))) for opacities in (0, 1, 3, 8)]

    assert [reading.probability for reading in readings] == sorted(reading.probability for reading in readings)
    assert (readings[0].verdict, readings[-1].verdict) == (Verdict.NEGATIVE, Verdict.POSITIVE)
    assert np.isclose(sum(readings[1].appearance.values()), 1)
    assert readings[0].heat_map.max() < 0.1 < 0.5 < readings[-1].heat_map.max()
    assert readings[0].model == "demonstration"
