from __future__ import annotations

from lungwise.clinics.labels import REGISTRATIONS
from lungwise.settings import Registration


def test_every_way_to_an_account_has_a_label() -> None:
    assert set(REGISTRATIONS) == set(Registration)
