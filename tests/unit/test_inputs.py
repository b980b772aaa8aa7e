from __future__ import annotations

import pytest

from lungwise.inputs import harmless_cell as harmless


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_is_taken_for_a_formula(cell: str) -> None:
    assert harmless(cell) == "'" + cell


def test_other_cells_stay_as_they_are() -> None:
    assert harmless("Béla = Bartók") == "Béla = Bartók"
