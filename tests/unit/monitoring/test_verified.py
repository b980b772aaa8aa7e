from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.monitoring.verified import ReadFilms, Verification, unverified_stratum, verified

NO, ANYWAY, FILM = Verification.NOT_TESTED, Verification.ANYWAY, Verification.BY_FILM


def read(*rows: tuple[int, Verification, bool]) -> ReadFilms:
    """Films by what was said of them, whether they were tested, and what the test found."""
    stratum, verification, positive = zip(*rows, strict=True)
    return ReadFilms(
        score=np.array(stratum) / 3 + 0.1,
        stratum=np.array(stratum),
        verification=np.array(verification),
        positive=np.array(positive),
        day=np.zeros(len(rows), dtype=np.int64),
    )


def test_one_in_four_tested_because_of_the_film_stands_for_four() -> None:
    films = read((0, FILM, False), *[(0, NO, False)] * 3, *[(2, FILM, True)] * 2, (2, ANYWAY, True))
    known = verified(films)
    assert known.weight.tolist() == [4.0, 1.0, 1.0, 1.0]
    assert (known.whole, known.heaviest) == (True, 4.0)


def test_where_no_negative_was_tested_only_those_count_who_were_tested_anyway() -> None:
    films = read(*[(0, NO, False)] * 5, (2, FILM, True), (2, ANYWAY, True), (0, ANYWAY, False))
    known = verified(films)
    assert (known.whole, known.positive.tolist(), known.weight.tolist()) == (False, [True, False], [1.0, 1.0])
    assert unverified_stratum(films) == 0


def test_where_all_were_tested_anyway_each_stands_for_itself() -> None:
    known = verified(read((0, ANYWAY, True), (1, ANYWAY, False)))
    assert (known.whole, known.weight.tolist(), known.heaviest) == (True, [1.0, 1.0], 1.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(Verification), st.booleans()),
        min_size=1,
        max_size=60,
    )
)
def test_the_weights_add_up_to_all_patients(rows: list[tuple[int, Verification, bool]]) -> None:
    known = verified(read(*rows))
    if known.whole:
        assert known.weight.sum() == pytest.approx(len(rows))
    assert np.all(known.weight <= known.heaviest + 1e-9)
    assert np.all(known.weight >= 1)
