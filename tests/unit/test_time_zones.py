from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from lungwise.settings import Settings
from lungwise.time_zones import local_text, offset_label, zone_names, zone_of

WINTER, SUMMER = (datetime(2026, month, 2, 21, 30, tzinfo=UTC) for month in (1, 7))


@pytest.mark.parametrize(
    ("name", "winter", "summer"),
    [
        ("UTC", "2026-01-02 21:30 UTC", "2026-07-02 21:30 UTC"),
        ("Africa/Nairobi", "2026-01-03 00:30 EAT", "2026-07-03 00:30 EAT"),
        ("Asia/Kathmandu", "2026-01-03 03:15 UTC+05:45", "2026-07-03 03:15 UTC+05:45"),
        ("Europe/Madrid", "2026-01-02 22:30 CET", "2026-07-02 23:30 CEST"),
        ("America/Sao_Paulo", "2026-01-02 18:30 UTC-03:00", "2026-07-02 18:30 UTC-03:00"),
    ],
)
def test_a_moment_is_written_as_it_is_there(name: str, winter: str, summer: str) -> None:
    assert (local_text(WINTER, zone_of(name)), local_text(SUMMER, zone_of(name))) == (winter, summer)


def test_every_zone_that_is_offered_is_known() -> None:
    assert len(zone_names()) > 400
    assert all(offset_label(WINTER, zone_of(name)).startswith("UTC") for name in zone_names())


def test_a_setting_that_is_no_time_zone_is_refused() -> None:
    assert Settings(time_zone="Asia/Kolkata").time_zone == "Asia/Kolkata"
    for wrong in ("Nairobi", "../../etc/passwd", "EST5EDT", ""):
        with pytest.raises(ValidationError, match="Africa/Nairobi"):
            Settings(time_zone=wrong)
