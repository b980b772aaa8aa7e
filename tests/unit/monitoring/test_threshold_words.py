from __future__ import annotations

import re

from lungwise.clinics.thresholds import SetState
from lungwise.monitoring.proposal import FEWEST_NEGATIVES, FEWEST_POSITIVES, Hindrance
from lungwise.monitoring.threshold_words import HINDRANCES, STATES, THRESHOLD_EXPLANATIONS


def test_every_number_every_hindrance_and_every_state_has_its_words() -> None:
    assert set(HINDRANCES) == set(Hindrance)
    assert set(STATES) == set(SetState)
    assert all(re.search(r"\d", one.example) for one in THRESHOLD_EXPLANATIONS.values())
    said = HINDRANCES[Hindrance.TOO_FEW]
    assert str(FEWEST_POSITIVES) in said and str(FEWEST_NEGATIVES) in said
