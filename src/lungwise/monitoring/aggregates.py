"""A clinic's weeks in counts for a health programme, without anything of a patient.

Each count is of the whole clinic and a whole week. However small, it is given as it is: a count, of which no share is
made and which is not divided by age, sex or place.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, aliased

from lungwise.access import Person, Right
from lungwise.monitoring.weeks import ClinicWeeks
from lungwise.store import Clock
from lungwise.studies.models import FilmRecord, ReadingRecord, ReferenceResult, Study, StudyStatus, monday
from lungwise.studies.named_findings import names_in
from lungwise.studies.reference_tests import Outcome, ReferenceTest
from lungwise.time_zones import ZoneOf

_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekAggregate:
    """One week of a clinic, which begins on a Monday where it stands.

    Parameters
    ----------
    films, refusals
        Films of the week's studies that the model answered, and the refused ones among them.
    covid_positives, tuberculosis_positives
        Studies of the week whose verdict on COVID-19 is positive, and those whose headline says to test sputum: it
        suggests tuberculosis, or calls it possible.
    pcr_tests, pcr_found
        PCR tests of the week for COVID-19, and the positive ones: the yield.
    tuberculosis_tests, tuberculosis_found
        Xpert and sputum tests of the week, and the positive ones.
    """

    begins: date
    films: int
    refusals: int
    covid_positives: int
    tuberculosis_positives: int
    pcr_tests: int
    pcr_found: int
    tuberculosis_tests: int
    tuberculosis_found: int

    @property
    def period(self) -> str:
        """The week as DHIS2 calls it (ISO 8601 without a leading zero): 2026W9."""
        year, week, _day = self.begins.isocalendar()
        return f"{year}W{week}"


COUNTS = tuple(one.name for one in fields(WeekAggregate))[1:]
"""What is counted, in its order."""


class Aggregates:
    """Counts the weeks of clinics."""

    def __init__(self, session: Session, clock: Clock, zone_of: ZoneOf) -> None:
        self._session = session
        self._weeks = ClinicWeeks(clock, zone_of)

    def of(self, person: Person, weeks: int) -> list[WeekAggregate]:
        """Count the last weeks that are over, the oldest first."""
        person.need(Right.SEE_ALL)
        this = self._weeks.last(person.clinic_id)[-1]
        mondays = [this - ago * _WEEK for ago in range(weeks, 0, -1)]
        counts: Counter[tuple[date, str]] = Counter()
        for counted in (self._films, self._studies, self._tests):
            counted(person, mondays[0], counts)
        return [WeekAggregate(begins=week, **{name: counts[week, name] for name in COUNTS}) for week in mondays]

    def _films(self, person: Person, since: date, counts: Counter[tuple[date, str]]) -> None:
        later = aliased(ReadingRecord)
        newest = ~select(later.id).where(later.film_id == ReadingRecord.film_id, later.id > ReadingRecord.id).exists()
        refused = func.sum(case((ReadingRecord.refusal_code.is_(None), 0), else_=1))
        query: Any = select(Study.week, func.count(), refused).join(FilmRecord, FilmRecord.study_id == Study.id)
        query = query.join(ReadingRecord, ReadingRecord.film_id == FilmRecord.id).where(newest)
        query = query.where(Study.clinic_id == person.clinic_id, Study.week >= since).group_by(Study.week)
        for week, films, refusals in self._session.execute(query):
            counts[week, "films"], counts[week, "refusals"] = films, int(refusals)

    def _studies(self, person: Person, since: date, counts: Counter[tuple[date, str]]) -> None:
        query = select(Study.week, Study.status, Study.named_findings, func.count())
        query = query.where(Study.clinic_id == person.clinic_id, Study.week >= since)
        for week, status, named, studies in self._session.execute(
            query.group_by(Study.week, Study.status, Study.named_findings)
        ):
            counts[week, "covid_positives"] += studies if status == StudyStatus.POSITIVE else 0
            counts[week, "tuberculosis_positives"] += studies if "tuberculosis" in names_in(named) else 0

    def _tests(self, person: Person, since: date, counts: Counter[tuple[date, str]]) -> None:
        """Count tests by their own day; what an earlier release kept has none, and is not counted."""
        day = ReferenceResult.tested_on
        query = select(day, ReferenceResult.kind, ReferenceResult.result, func.count())
        query = query.join(Study, Study.id == ReferenceResult.study_id)
        query = query.where(Study.clinic_id == person.clinic_id, day >= since)
        for tested_on, kind, result, tests in self._session.execute(
            query.group_by(day, ReferenceResult.kind, ReferenceResult.result)
        ):
            if (name := _TESTS.get(kind)) is not None and tested_on is not None:
                counts[monday(tested_on), f"{name}_tests"] += tests
                counts[monday(tested_on), f"{name}_found"] += tests if result == Outcome.POSITIVE else 0


_TESTS = {
    ReferenceTest.PCR.value: "pcr",
    ReferenceTest.XPERT.value: "tuberculosis",
    ReferenceTest.SPUTUM.value: "tuberculosis",
}


def aggregates_csv(weeks: Iterable[WeekAggregate]) -> str:
    """Write weeks as a table."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(("period", "begins", *COUNTS))
    for week in weeks:
        table.writerow((week.period, week.begins.isoformat(), *(getattr(week, name) for name in COUNTS)))
    return out.getvalue()
