"""Time zones: which there are, and how a moment is written where a clinic stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

UTC_NAME = "UTC"
ZoneOf = Callable[[int], tzinfo]
"""Gives the time zone of a clinic."""


def in_utc(_clinic_id: int) -> tzinfo:
    """Return UTC for every clinic."""
    return UTC


def day_in(zone: tzinfo, moment: datetime) -> date:
    """Return a moment's day in a zone."""
    return moment.astimezone(zone).date()


@cache
def zone_names() -> tuple[str, ...]:
    """List the zones in which people live by their names, as Africa/Nairobi, and UTC first.

    Source: the table `zone.tab` of the IANA time zone database.
    """
    table = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return (UTC_NAME, *sorted(row[2] for row in rows))


@cache
def zone_of(name: str) -> tzinfo:
    """Return the zone of that name, which is read once: Python itself keeps only eight."""
    return ZoneInfo(name)


def local_text(moment: datetime, zone: tzinfo) -> str:
    """Write a moment to the minute, in a zone and with its name: 2026-03-02 12:00 EAT."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M} {zone_label(moment, zone)}"


def zone_label(moment: datetime, zone: tzinfo) -> str:
    """Return what a zone is called for short at a moment: EAT, or UTC+05:45 where it has no letters."""
    name = moment.astimezone(zone).tzname() or ""
    return name if name.isalpha() else offset_label(moment, zone)


def offset_label(moment: datetime, zone: tzinfo) -> str:
    """Return how far a zone is from UTC at a moment: UTC+03:00."""
    offset = f"{moment.astimezone(zone):%z}"
    return f"{UTC_NAME}{offset[:3]}:{offset[3:5]}"
