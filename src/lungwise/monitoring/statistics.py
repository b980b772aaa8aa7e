"""A clinic in numbers: volumes, positives over time, agreement, and sensitivity and specificity against PCR."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.monitoring.weeks import ClinicWeeks
from lungwise.reading.intervals import wilson_interval
from lungwise.store import Clock
from lungwise.studies.diagnosis import as_verdict
from lungwise.studies.models import Study, StudyStatus
from lungwise.time_zones import ZoneOf, in_utc

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
    """Counts a clinic's studies."""

    def __init__(self, session: Session, clock: Clock, zone_of: ZoneOf = in_utc) -> None:
        self._session = session
        self._weeks = ClinicWeeks(clock, zone_of)

    def count(self, person: Person) -> Statistics:
        """Count the studies of the last 26 weeks."""
        person.need(Right.SEE_ALL)
        weeks = self._weeks.last(person.clinic_id)
        groups = list(self._session.execute(weeks_query(person, weeks[0])))
        by_pcr = _table(groups, "pcr")
        return Statistics(
            by_status={status: by_pcr[status].total() for status in StudyStatus},
            weeks=_weeks(groups, weeks),
            agreement=_agreement(_table(groups, "conclusion")),
            sensitivity=_right(by_pcr, "positive"),
            specificity=_right(by_pcr, "negative"),
            uncertain_with_pcr=sum(by_pcr["uncertain"][pcr] for pcr in _DECIDED),
        )


def weeks_query(person: Person, since: date) -> Select[date, str, str | None, str | None, int]:
    """Count a clinic's studies of each week and kind: the groups in the order of one index, so that none is sorted."""
    columns = (Study.week, Study.status, Study.conclusion, Study.pcr)
    counts = select(*columns, func.count().label("studies"))
    return counts.where(Study.clinic_id == person.clinic_id, Study.week >= since).group_by(Study.clinic_id, *columns)


def _weeks(groups: list[Any], weeks: list[date]) -> list[WeekCounts]:
    studies: Counter[date] = Counter()
    positives: Counter[date] = Counter()
    for group in groups:
        studies[group.week] += group.studies
        positives[group.week] += group.studies if group.status == StudyStatus.POSITIVE else 0
    return [WeekCounts(begins=week, studies=studies[week], positive=positives[week]) for week in weeks]


def _table(groups: list[Any], column: str) -> dict[str, Counter[str | None]]:
    """Count the studies by verdict, and within that by what a column says."""
    table: dict[str, Counter[str | None]] = {status.value: Counter() for status in StudyStatus}
    for group in groups:
        table[group.status][getattr(group, column)] += group.studies
    return table


def _right(by_pcr: dict[str, Counter[str | None]], pcr: str) -> Share:
    """Count the sure verdicts on studies with a PCR result, and those that agree with it."""
    return Share(count=by_pcr[pcr][pcr], total=sum(by_pcr[verdict][pcr] for verdict in _DECIDED))


def _agreement(table: dict[str, Counter[str | None]]) -> Share:
    """Compare verdict and conclusion where both say whether it is COVID-19."""
    pairs: Counter[tuple[str, str]] = Counter()
    for verdict in _DECIDED:
        for conclusion, count in table[verdict].items():
            if conclusion is not None:
                pairs[verdict, as_verdict(conclusion)] += count
    both = sum(count for (_verdict, conclusion), count in pairs.items() if conclusion in _DECIDED)
    return Share(count=sum(pairs[verdict, verdict] for verdict in _DECIDED), total=both)
