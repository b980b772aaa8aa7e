from __future__ import annotations

import pytest

from lungwise.text_direction import isolated


@pytest.mark.parametrize("name", ["سعاد حسن", "חנה", "Ada סע", "٤٥-٢٠٣١"])
def test_a_name_that_turns_its_neighbours_is_isolated(name: str) -> None:
    assert isolated(name) == f"\u2068{name}\u2069"


@pytest.mark.parametrize("name", ["", "Ada Lovelace", "Zoë", "सुनीता", "山田 太郎", "45-2031"])
def test_any_other_name_stays_as_it_is(name: str) -> None:
    assert isolated(name) == name
