from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lungwise.films import Refusal
from lungwise.reading.artefact import GATE
from lungwise.reading.gate import quarter_turns, refuse_blank, refuse_unreadable


def gate(**said: float) -> NDArray[np.float32]:
    return np.array([said.get(name.replace(" ", "_"), 0.0) for name in GATE], np.float32)


def test_a_film_of_one_grey_is_refused_and_a_faint_chest_is_not() -> None:
    with pytest.raises(Refusal) as refused:
        refuse_blank(np.full((20, 20), 0.3, np.float32))

    assert refused.value.code == "blank"
    refuse_blank(np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20))


def test_an_upright_film_passes_unturned() -> None:
    said = gate(upright=0.99, other=0.01)

    refuse_unreadable(said, 0.5)

    assert quarter_turns(said) == 0


@pytest.mark.parametrize(("name", "turns"), [("turned_left", 1), ("upside_down", 2), ("turned_right", 3)])
def test_a_surely_turned_film_is_turned_back(name: str, turns: int) -> None:
    assert quarter_turns(gate(**{name: 0.95, "upright": 0.05})) == turns


def test_a_film_that_may_be_turned_is_refused_rather_than_turned() -> None:
    said = gate(turned_left=0.6, upright=0.4)

    assert quarter_turns(said) == 0
    with pytest.raises(Refusal) as refused:
        refuse_unreadable(said, 0.5)
    assert refused.value.code == "turned"


@pytest.mark.parametrize(("name", "code"), [("lateral", "lateral-view"), ("other", "not-a-chest-film")])
def test_what_is_no_frontal_film_is_refused_with_what_to_do(name: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        refuse_unreadable(gate(**{name: 0.8, "upright": 0.2}), 0.5)

    assert refused.value.code == code
    assert refused.value.reason.endswith(".")
