from __future__ import annotations

import pytest

from lungwise.receiving.other_files import name_in_zip, readable_name


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("r\u00f6ntgen.jpg".encode(), "r\u00f6ntgen.jpg"),
        ("r\u00f6ntgen.jpg".encode("latin-1"), "r\u00f6ntgen.jpg"),
        ("r\u00f6ntgen.jpg".encode("cp437"), "r\u00f6ntgen.jpg"),
        ("\u0930\u093e\u092e.jpg".encode(), "\u0930\u093e\u092e.jpg"),
    ],
)
def test_names_in_a_zip_are_read_whatever_wrote_them(written: bytes, shown: str) -> None:
    assert name_in_zip(written.decode("cp437"), is_utf_8=False) == shown


def test_names_are_shown_readably() -> None:
    assert readable_name("disc\\a/r\udcf6ntgen\n.jpg") == "r\ufffdntgen\ufffd.jpg"
    assert readable_name("x" * 300) == "x" * 80
