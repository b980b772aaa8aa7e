"""On which day a study's films were taken: every report, page and table that says a day asks here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, tzinfo

from lungwise.studies.models import FilmRecord, Study
from lungwise.time_zones import day_in


def first_day(study: Study, films: Iterable[FilmRecord], zone: tzinfo) -> date | None:
    """Return the day on which the first of some films of a study was taken; None where no header says it.

    A day that lies ahead of the upload, where the clinic stands, is a machine's wrong clock.
    """
    uploaded = day_in(zone, study.created_at)
    return min((film.taken_on for film in films if film.taken_on and film.taken_on <= uploaded), default=None)
