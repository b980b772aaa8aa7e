"""The gate: what the network itself says that it should not read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungwise.films import Refusal
from lungwise.reading.artefact import GATE

_LEAST_TO_TURN = 0.9
"""A film is turned only where the network gives its position at least this probability."""

TURNED = ("turned left", "upside down", "turned right")
"""A film that lies so can be turned upright; the index in `GATE` counts the quarter turns."""

REFUSALS = {
    "turned left": "turned",
    "upside down": "turned",
    "turned right": "turned",
    "lateral": "lateral-view",
    "other": "not-a-chest-film",
}
"""The refusal's code by what the network takes a film for."""

_LEAST_CONTRAST = 0.05
"""Standard deviation of the stretched grey levels; a chest film has about 0.25."""


def refuse_blank(square: NDArray[np.float32]) -> None:
    """Let a film pass that shows anything.

    Parameters
    ----------
    square
        (size, size) preprocessed.

    Raises
    ------
    Refusal
        `blank`.
    """
    if float(square.std()) < _LEAST_CONTRAST:
        raise Refusal("blank")


def quarter_turns(gate: NDArray[np.float32]) -> int:
    """Return how many quarter turns to the left a film lies off upright; 0 where that is uncertain.

    Parameters
    ----------
    gate
        (6,) probabilities in the order of `GATE`.
    """
    likeliest = int(gate.argmax())
    return likeliest if GATE[likeliest] in TURNED and gate[likeliest] >= _LEAST_TO_TURN else 0


def refuse_unreadable(gate: NDArray[np.float32], lowest: float) -> None:
    """Let an upright frontal chest film pass.

    Parameters
    ----------
    gate
        (6,) probabilities in the order of `GATE`.
    lowest
        Lowest probability of an upright frontal chest film that is read, from the card.

    Raises
    ------
    Refusal
        `turned`, `lateral-view` or `not-a-chest-film`.
    """
    upright = GATE.index("upright")
    if gate[upright] < lowest:
        likeliest = int(np.delete(gate, upright).argmax()) + 1
        raise Refusal(REFUSALS[GATE[likeliest]])
