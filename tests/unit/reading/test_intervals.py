from __future__ import annotations

import pytest

from lungwise.reading.intervals import binomial_upper, wilson_interval


@pytest.mark.parametrize(
    ("count", "total", "interval"),
    [
        (0, 0, (0, 1)),
        (0, 10, (0, 0.2775)),
        (10, 10, (0.7225, 1)),
        (5, 10, (0.2366, 0.7634)),
        (81, 263, (0.2553, 0.3662)),
    ],
)
def test_the_interval_is_wilsons(count: int, total: int, interval: tuple[float, float]) -> None:
    """81 of 263: Newcombe, Stat. Med. 17 (1998) 857."""
    assert wilson_interval(count, total) == pytest.approx(interval, abs=1e-4)


def test_the_share_lies_in_its_interval() -> None:
    for total in range(1, 60):
        for count in range(total + 1):
            lower, upper = wilson_interval(count, total)
            assert 0 <= lower <= count / total <= upper <= 1


@pytest.mark.parametrize(("misses", "films"), [(0, 29), (1, 46), (2, 61), (3, 76), (4, 89), (5, 103)])
def test_so_many_films_are_needed_to_be_sure_of_one_miss_in_ten(misses: int, films: int) -> None:
    assert binomial_upper(misses, films) <= 0.1 < binomial_upper(misses, films - 1)


def test_where_all_were_missed_all_may_be() -> None:
    assert binomial_upper(5, 5) == 1.0
