import re

from lungwise.monitoring.error_charts import Errors
from lungwise.monitoring.watch_words import EXPLANATIONS, TITLES


def test_every_example_has_numbers_and_every_sort_a_title() -> None:
    assert all(re.search(r"\d", one.example) for one in EXPLANATIONS.values())
    assert set(TITLES) == set(Errors)
