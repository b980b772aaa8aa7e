from __future__ import annotations

import pytest

from lungwise.api.framework.paging import decode_cursor, encode_cursor
from lungwise.errors import Rejected


def test_a_cursor_is_decoded_to_its_position() -> None:
    assert (
        decode_cursor("studies", encode_cursor("studies", "1_2026-03-02T09:00:00+00:00_7"))
        == "1_2026-03-02T09:00:00+00:00_7"
    )
    assert decode_cursor("studies", None) == ""


WRONG = ["", "x", "é", "AAAA", "====", encode_cursor("patients", "7"), encode_cursor("studies", "7") + "="]


@pytest.mark.parametrize("cursor", WRONG)
def test_what_is_no_cursor_of_this_list_is_rejected(cursor: str) -> None:
    with pytest.raises(Rejected):
        decode_cursor("studies", cursor)
