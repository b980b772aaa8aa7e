import re

from lungwise.monitoring.aggregate_words import EXPLANATIONS
from lungwise.monitoring.aggregates import COUNTS


def test_every_count_is_explained_with_numbers() -> None:
    assert tuple(EXPLANATIONS) == COUNTS
    assert all(re.search(r"\d", one.example) for one in EXPLANATIONS.values())
