from __future__ import annotations

import struct

import pytest

from lungwise.films import Refusal, open_film
from lungwise.films.tiff_directory import check_directory

SHORT, TEXT, LONG = 3, 2, 4


def tiff(*entries: tuple[int, int, int], order: str = "<", big: bool = False) -> bytes:
    """The directory of these tags, types and counts."""
    magic = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "H", 43 if big else 42)
    head, entry = ("HHQQ", "HHQQ") if big else ("IH", "HHII")
    start = (8, 0, 16, len(entries)) if big else (8, len(entries))
    return magic + struct.pack(order + head, *start) + b"".join(struct.pack(order + entry, *e, 0) for e in entries)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ([(256, SHORT, 1), (273, SHORT, 3_000_000)], "values"),
        ([(273, LONG, 1_100_000), (279, LONG, 1_100_000)], "values"),
        ([(256, SHORT, 1)] * 5000, "entries"),
    ],
)
def test_a_directory_beyond_any_film_is_damaged(
    entries: list[tuple[int, int, int]], what: str, order: str, big: bool
) -> None:
    with pytest.raises(Refusal, match=f"more {what}") as refused:
        open_film(tiff(*entries, order=order, big=big))
    assert refused.value.code == "damaged"


@pytest.mark.parametrize("big", [False, True])
def test_a_film_in_strips_of_one_line_and_a_long_profile_passes(big: bool) -> None:
    check_directory(tiff((273, LONG, 1_000_000), (279, LONG, 1_000_000), (34675, TEXT, 40_000_000), big=big))


@pytest.mark.parametrize("big", [False, True])
def test_a_directory_that_ends_early_is_damaged(big: bool) -> None:
    file = tiff((273, LONG, 5), (279, LONG, 5), big=big)
    for end in range(4, len(file)):
        with pytest.raises(Refusal) as refused:
            open_film(file[:end])
        assert refused.value.code == "damaged"
