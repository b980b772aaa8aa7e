"""A clinic in numbers: volumes, positives over time, agreement, and sensitivity and specificity against PCR."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.reading.intervals import wilson_interval
from lungwise.store import Clock
from lungwise.studies.models import Study, StudyStatus, monday

WEEKS = 26


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval after Wilson (1927)."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """The share itself; none of nothing."""
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return wilson_interval(self.count, self.total)


@dataclass(frozen=True, slots=True)
class Week:
    """One week's studies."""

    begins: date
    studies: int
    positive: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """A clinic's numbers of the last weeks."""

    standings: dict[StudyStatus, int]
    weeks: list[Week]
    agreement: Share
    sensitivity: Share
    specificity: Share
    uncertain_with_pcr: int

    @property
    def studies(self) -> int:
        """How many studies there were."""
        return sum(self.standings.values())


class ClinicStatistics:
    """Counts a clinic's studies."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def count(self, person: Person) -> Statistics:
        """Count the studies of the last 26 weeks."""
        person.need(Right.SEE)
        since = monday(self._clock().date()) - timedelta(weeks=WEEKS - 1)
        groups = list(self._session.execute(weeks_query(person, since)))
        by_pcr = _table(groups, "pcr")
        by_conclusion = _table(groups, "conclusion")
        decided = ("negative", "positive")
        return Statistics(
            standings={standing: sum(by_pcr[standing.value].values()) for standing in StudyStatus},
            weeks=_weeks(groups, since),
            agreement=_agreement(by_conclusion),
            sensitivity=Share(by_pcr["positive"]["positive"], sum(by_pcr[said]["positive"] for said in decided)),
            specificity=Share(by_pcr["negative"]["negative"], sum(by_pcr[said]["negative"] for said in decided)),
            uncertain_with_pcr=by_pcr["uncertain"]["positive"] + by_pcr["uncertain"]["negative"],
        )


def weeks_query(person: Person, since: date) -> Select[date, str, str | None, str | None, int]:
    """Count a clinic's studies of each week and kind: the groups in the order of one index, so that none is sorted."""
    columns = (Study.week, Study.standing, Study.conclusion, Study.pcr)
    counts = select(*columns, func.count().label("studies"))
    return counts.where(Study.clinic_id == person.clinic_id, Study.week >= since).group_by(Study.clinic_id, *columns)


def _weeks(groups: list[Any], since: date) -> list[Week]:
    studies: Counter[date] = Counter()
    positives: Counter[date] = Counter()
    for group in groups:
        studies[group.week] += group.studies
        positives[group.week] += group.studies if group.standing == StudyStatus.POSITIVE else 0
    weeks = [since + timedelta(weeks=n) for n in range(WEEKS)]
    return [Week(week, studies[week], positives[week]) for week in weeks]


def _table(groups: list[Any], column: str) -> dict[str, Counter[str]]:
    table: dict[str, Counter[str]] = {standing.value: Counter() for standing in StudyStatus}
    for group in groups:
        table[group.standing][getattr(group, column)] += group.studies
    return table


def _agreement(table: dict[str, Counter[str]]) -> Share:
    """Compare verdict and conclusion where both say positive or negative."""
    decided = ("negative", "positive")
    both = sum(table[said][concluded] for said in decided for concluded in decided)
    return Share(sum(table[said][said] for said in decided), both)
