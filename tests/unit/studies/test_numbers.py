from __future__ import annotations

from math import log10

import pytest
from hypothesis import given
from hypothesis.strategies import floats

from lungwise.studies.numbers import decimals_apart, in_words, of_ten, percent, share

BETWEEN = floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True)


@pytest.mark.parametrize(
    ("numbers", "decimals"),
    [
        ((28.75, 29.01), 1),
        ((30.2, 29.01), 0),
        ((29.01, 29.01), 0),
        ((18.70, 18.66), 2),
        ((0.30000001, 0.3), 4),
    ],
)
def test_numbers_that_differ_are_written_differently(numbers: tuple[float, ...], decimals: int) -> None:
    assert decimals_apart(*numbers) == decimals
    assert decimals_apart(*numbers, fewest=3) == max(decimals, 3)


@pytest.mark.parametrize(
    ("probability", "decimals", "shown"),
    [
        (None, 0, ""),
        (0.004, 0, "< 1 %"),
        (0.01, 0, "1 %"),
        (0.456, 0, "46 %"),
        (0.995, 0, "> 99 %"),
        (0.2875, 1, "28.7 %"),
        (0.0004, 1, "< 0.1 %"),
        (0.9996, 1, "> 99.9 %"),
    ],
)
def test_a_probability_is_shown_no_more_precisely_than_it_is(
    probability: float | None, decimals: int, shown: str
) -> None:
    assert percent(probability, decimals) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0 %"), (1, "100 %"), (199 / 200, "> 99 %"), (1 / 300, "< 1 %"), (0.5, "50 %")]
)
def test_a_share_that_was_counted_is_none_or_all_only_where_it_is(value: float, shown: str) -> None:
    assert share(value) == shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.1, (1, 10)),
        (0.5, (1, 2)),
        (0.3, (3, 10)),
        (0.02, (1, 50)),
        (0.15, (3, 20)),
        (0.003, (3, 1000)),
        (0.96, (48, 50)),
        (0.9, (9, 10)),
        (0.0003, (3, 10_000)),
        (0, (0, 1000)),
        (1, (1000, 1000)),
    ],
)
def test_a_share_is_said_in_small_round_numbers(value: float, words: tuple[int, int]) -> None:
    assert tuple(in_words(value).values()) == words


@given(BETWEEN)
def test_a_share_between_none_and_all_is_said_to_be_neither(value: float) -> None:
    for part, whole in (tuple(in_words(value).values()), of_ten(value)):
        assert 0 < part < whole
        assert log10(whole) <= 6
