import re

from lungwise.monitoring.shadow_words import EXPLANATIONS


def test_every_example_has_numbers() -> None:
    assert all(re.search(r"\d", one.example) for one in EXPLANATIONS.values())
