from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lungwise.reading import Normal, Reading, Verdict
from lungwise.reading.reading import verdict


def test_the_hot_spot_is_the_middle_of_the_hottest_cell() -> None:
    heat = np.zeros((17, 17), np.float32)
    heat[3, 12] = 0.9
    reading = Reading(
        probability=0.5,
        verdict=Verdict.UNCERTAIN,
        appearance={},
        findings={},
        normal=Normal(probability=0.02, called=False),
        pattern="COVID-19",
        raised=("COVID-19",),
        heat_map=heat,
        quarter_turns=0,
        model="m",
        version="1",
    )

    assert reading.hot_spot == (12.5 / 17, 3.5 / 17)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_every_probability_has_one_verdict_and_they_come_in_order(probability: float, a: float, b: float) -> None:
    lower, upper = sorted((a, b))
    order = [Verdict.NEGATIVE, Verdict.UNCERTAIN, Verdict.POSITIVE]

    said = verdict(probability, lower, upper)

    assert order.index(said) == (probability >= lower) + (probability >= upper)
