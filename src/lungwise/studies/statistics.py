"""A clinic in numbers: volumes, positives over time, agreement, and sensitivity and specificity against PCR."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVarTuple

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from lungwise.accounts.person import Person, Right
from lungwise.store import Clock
from lungwise.studies.models import Standing, Study

WEEKS = 26
Columns = TypeVarTuple("Columns")


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
        if not self.total:
            return 0.0, 1.0
        z, n, p = 1.959964, self.total, self.count / self.total
        middle = p + z * z / (2 * n)
        half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
        scale = 1 + z * z / n
        return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


@dataclass(frozen=True, slots=True)
class Week:
    """One week's studies."""

    begins: date
    studies: int
    positive: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """A clinic's numbers of the last weeks."""

    standings: dict[Standing, int]
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
        today = self._clock()
        monday = (today - timedelta(days=today.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
        since = monday - timedelta(weeks=WEEKS - 1)
        groups = self._groups(person, since)
        by_pcr = _table(groups, "pcr")
        by_conclusion = _table(groups, "conclusion")
        decided = ("negative", "positive")
        return Statistics(
            standings={standing: sum(by_pcr[standing.value].values()) for standing in Standing},
            weeks=self._weeks(person, since),
            agreement=_agreement(by_conclusion),
            sensitivity=Share(by_pcr["positive"]["positive"], sum(by_pcr[said]["positive"] for said in decided)),
            specificity=Share(by_pcr["negative"]["negative"], sum(by_pcr[said]["negative"] for said in decided)),
            uncertain_with_pcr=by_pcr["uncertain"]["positive"] + by_pcr["uncertain"]["negative"],
        )

    def _groups(self, person: Person, since: datetime) -> list[Any]:
        columns = (Study.standing, Study.conclusion, Study.pcr)
        query = select(*columns, func.count().label("studies")).group_by(*columns)
        return list(self._session.execute(_own(query, person, since)))

    def _weeks(self, person: Person, since: datetime) -> list[Week]:
        """Count day by day in the database, and add the days up to weeks here."""
        day = func.date(Study.created_at)
        positive = func.sum(case((Study.standing == Standing.POSITIVE.value, 1), else_=0))
        rows = self._session.execute(_own(select(day, func.count(), positive).group_by(day), person, since))
        studies: Counter[int] = Counter()
        positives: Counter[int] = Counter()
        for on, count, found in rows:
            week = (date.fromisoformat(str(on)) - since.date()).days // 7
            studies[week] += count
            positives[week] += int(found)
        return [Week(since.date() + timedelta(weeks=n), studies[n], positives[n]) for n in range(WEEKS)]


def _own(query: Select[*Columns], person: Person, since: datetime) -> Select[*Columns]:
    return query.where(Study.clinic_id == person.clinic_id, Study.created_at >= since)


def _table(groups: list[Any], column: str) -> dict[str, Counter[str]]:
    table: dict[str, Counter[str]] = {standing.value: Counter() for standing in Standing}
    for group in groups:
        table[group.standing][getattr(group, column)] += group.studies
    return table


def _agreement(table: dict[str, Counter[str]]) -> Share:
    """Compare verdict and conclusion where both say positive or negative."""
    decided = ("negative", "positive")
    both = sum(table[said][concluded] for said in decided for concluded in decided)
    return Share(sum(table[said][said] for said in decided), both)
