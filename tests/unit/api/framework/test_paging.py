from __future__ import annotations

import pytest

from lungwise.api.framework.paging import cursor_of, place_of
from lungwise.errors import Rejected


def test_a_cursor_leads_back_to_its_place() -> None:
    assert place_of("studies", cursor_of("studies", "1_2026-03-02T09:00:00+00:00_7")) == "1_2026-03-02T09:00:00+00:00_7"
    assert place_of("studies", None) == ""


WRONG = ["", "x", "é", "AAAA", "====", cursor_of("patients", "7"), cursor_of("studies", "7") + "="]


@pytest.mark.parametrize("cursor", WRONG)
def test_what_is_no_cursor_of_this_list_is_rejected(cursor: str) -> None:
    with pytest.raises(Rejected):
        place_of("studies", cursor)
