"""A clinic in numbers: volumes, positives over time, agreement, and sensitivity and specificity against PCR."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.monitoring.weeks import ClinicWeeks
from lungwise.reading.intervals import wilson_interval
from lungwise.store import Clock
from lungwise.studies.models import ReferenceResult, Study, StudyStatus
from lungwise.studies.reference_tests import Outcome, ReferenceTest
from lungwise.time_zones import ZoneOf, day_in, in_utc

_DECIDED = ("negative", "positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its 95 % interval after Wilson (1927)."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """The share itself; None of nothing."""
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return wilson_interval(self.count, self.total)

    @property
    def lower(self) -> float:
        """The lower end of the interval."""
        return self.interval[0]

    @property
    def upper(self) -> float:
        """The upper end of the interval."""
        return self.interval[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekCounts:
    """One week's studies, and the positive ones among them."""

    begins: date
    studies: int
    positive: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """A clinic's numbers of the last weeks."""

    by_status: dict[StudyStatus, int]
    weeks: list[WeekCounts]
    agreement: Share
    sensitivity: Share
    specificity: Share
    uncertain_with_pcr: int

    @property
    def studies(self) -> int:
        """How many studies there were."""
        return sum(self.by_status.values())


class ClinicStatistics:
    """Counts a clinic's studies.

    Parameters
    ----------
    days_of
        Gives for how many days before and after a study's films a test result counts at a clinic.
    """

    def __init__(self, session: Session, clock: Clock, days_of: Callable[[int], int], zone_of: ZoneOf = in_utc) -> None:
        self._session = session
        self._days_of = days_of
        self._zone_of = zone_of
        self._weeks = ClinicWeeks(clock, zone_of)

    def count(self, person: Person) -> Statistics:
        """Count the studies of the last 26 weeks."""
        person.need(Right.SEE_ALL)
        weeks = self._weeks.last(person.clinic_id)
        groups = list(self._session.execute(weeks_query(person, weeks[0])))
        by_pcr = self._by_pcr(person, weeks[0])
        return Statistics(
            by_status=_by_status(groups),
            weeks=_weeks(groups, weeks),
            agreement=_agreement(groups),
            sensitivity=_right(by_pcr, "positive"),
            specificity=_right(by_pcr, "negative"),
            uncertain_with_pcr=by_pcr["uncertain"].total(),
        )

    def _by_pcr(self, person: Person, since: date) -> dict[str, Counter[str | None]]:
        """Count the studies by verdict, and within that by what a PCR test found on the days around their films.

        Of several on these days, one that is positive counts; one of other days says nothing of the films.
        """
        zone, days = self._zone_of(person.clinic_id), self._days_of(person.clinic_id)
        found: dict[int, tuple[str, str]] = {}
        for row in self._session.execute(_pcr_query(person, since)):
            is_near = row.tested_on and abs(row.tested_on - day_in(zone, row.taken_at)).days <= days
            if is_near and (row.id not in found or row.result == Outcome.POSITIVE):
                found[row.id] = row.status, row.result
        table: dict[str, Counter[str | None]] = {status.value: Counter() for status in StudyStatus}
        for status, result in found.values():
            table[status][result] += 1
        return table


def _pcr_query(person: Person, since: date) -> Select[int, str, datetime, str, date | None]:
    """Select the PCR results of a clinic's studies."""
    query = select(Study.id, Study.status, Study.taken_at, ReferenceResult.result, ReferenceResult.tested_on)
    query = query.join(ReferenceResult, ReferenceResult.study_id == Study.id)
    query = query.where(ReferenceResult.kind == ReferenceTest.PCR)
    return query.where(Study.clinic_id == person.clinic_id, Study.week >= since)


def weeks_query(person: Person, since: date) -> Select[date, str, bool | None, int]:
    """Count a clinic's studies of each week and kind: the groups in the order of one index, so that none is sorted."""
    columns = (Study.week, Study.status, Study.agreed)
    counts = select(*columns, func.count().label("studies"))
    return counts.where(Study.clinic_id == person.clinic_id, Study.week >= since).group_by(Study.clinic_id, *columns)


def _weeks(groups: list[Any], weeks: list[date]) -> list[WeekCounts]:
    studies: Counter[date] = Counter()
    positives: Counter[date] = Counter()
    for group in groups:
        studies[group.week] += group.studies
        positives[group.week] += group.studies if group.status == StudyStatus.POSITIVE else 0
    return [WeekCounts(begins=week, studies=studies[week], positive=positives[week]) for week in weeks]


def _by_status(groups: list[Any]) -> dict[StudyStatus, int]:
    studies: Counter[str] = Counter()
    for group in groups:
        studies[group.status] += group.studies
    return {status: studies[status] for status in StudyStatus}


def _right(by_pcr: dict[str, Counter[str | None]], pcr: str) -> Share:
    """Count the sure verdicts on studies with a PCR result, and those that agree with it."""
    return Share(count=by_pcr[pcr][pcr], total=sum(by_pcr[verdict][pcr] for verdict in _DECIDED))


def _agreement(groups: list[Any]) -> Share:
    studies: Counter[bool | None] = Counter()
    for group in groups:
        studies[group.agreed] += group.studies
    return Share(count=studies[True], total=studies[True] + studies[False])
