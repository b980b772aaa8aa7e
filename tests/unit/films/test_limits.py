from __future__ import annotations

import pytest

from lungwise.films import Refusal
from lungwise.films.limits import check_bytes, check_jpeg, check_size


@pytest.mark.parametrize("size", [(64, 64), (8000, 8000), (64, 1_000_000)])
def test_films_between_the_bounds_pass(size: tuple[int, int]) -> None:
    check_size(*size)
    check_bytes(b"x")


@pytest.mark.parametrize(
    ("size", "code"),
    [((63, 5000), "too-small"), ((5000, 63), "too-small"), ((8001, 8000), "too-many-pixels"), ((0, 70), "damaged")],
)
def test_films_beyond_the_bounds_are_refused(size: tuple[int, int], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_size(*size)
    assert refused.value.code == code


def test_the_larger_the_film_the_fewer_scans_it_may_have() -> None:
    coded = bytes(6_000_000)
    check_jpeg(coded, 10, 8000, 8000)
    check_jpeg(coded, 60, 2000, 2000)
    for scans, side in ((60, 8000), (65, 100)):
        with pytest.raises(Refusal, match="scans") as refused:
            check_jpeg(coded, scans, side, side)
        assert refused.value.code == "damaged"


def test_a_jpeg_has_at_least_a_bit_for_each_of_its_blocks() -> None:
    check_jpeg(bytes(125_000), 1, 8000, 8000)
    with pytest.raises(Refusal, match="too few bytes") as refused:
        check_jpeg(bytes(124_999), 1, 8000, 8000)
    assert refused.value.code == "damaged"
