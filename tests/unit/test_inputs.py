from __future__ import annotations

import pytest

from lungwise.errors import Rejected
from lungwise.inputs import harmless_cell, is_text, network_address, row_number


@pytest.mark.parametrize(("text", "number"), [(None, None), ("", None), ("0", 0), ("9" * 18, 10**18 - 1)])
def test_the_number_of_a_row_is_read(text: str | None, number: int | None) -> None:
    assert row_number(text) == number


@pytest.mark.parametrize("text", ["-1", "1.0", "x", "9" * 19, "٣", "1 "])
def test_what_is_not_the_number_of_a_row_is_rejected(text: str) -> None:
    with pytest.raises(Rejected, match="Begin the list"):
        row_number(text)


@pytest.mark.parametrize("text", ["10.0.0.7", "2001:db8::1"])
def test_a_network_address_is_kept(text: str) -> None:
    assert network_address(text) == text


@pytest.mark.parametrize("text", [None, "", "10.0.0", "unknown", "10.0.0.7:80", f"fe80::1%{'x' * 45}"])
def test_what_is_not_a_network_address_is_empty(text: str | None) -> None:
    assert network_address(text) == ""


def test_a_text_is_short_and_can_be_written() -> None:
    assert is_text("Béla\r\n\tBartók सुनीता", 40)
    assert not is_text("x" * 41, 40)
    assert not is_text("a\0b", 40)
    assert not is_text("\ud83d", 40)


def test_a_cell_is_never_a_formula() -> None:
    assert [harmless_cell(text) for text in ("=1+1", "@x", "Ada")] == ["'=1+1", "'@x", "Ada"]
