from __future__ import annotations

import re

import pytest

from lungwise.monitoring.local_words import EXPLANATIONS


@pytest.mark.parametrize("name", EXPLANATIONS)
def test_an_explanation_is_a_name_a_sentence_and_an_example_with_numbers(name: str) -> None:
    one = EXPLANATIONS[name]
    values = {"days": 3}
    assert one.name % values
    assert (one.sentence % values).endswith(".")
    assert re.search(r"\d", one.example % values)
