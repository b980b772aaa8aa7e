from __future__ import annotations

import pytest

from lungwise.reading.intervals import wilson_interval


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
