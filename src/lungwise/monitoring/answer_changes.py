"""Whether a clinic's answers jumped in the last week that is over, and what the jump comes from.

That week is compared with the four before it. Where a clinic makes too few films for that, its last four weeks are
compared with the twelve before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.answer_table import AnswerTable, answers_of
from lungwise.monitoring.drift import WEEKS_BEFORE, Drift, Spread, limit_of_chance
from lungwise.monitoring.shift import Cause, compared

SPANS = ((1, WEEKS_BEFORE), (4, 12))
"""How many weeks are compared with how many before them: the first of which there are enough films."""


class JumpCause(StrEnum):
    """What a jump of the answers comes from: as of any change, or more or fewer refusals."""

    PREVALENCE = Cause.PREVALENCE
    PICTURES = Cause.PICTURES
    BOTH = Cause.BOTH
    REFUSALS = "refusals"
    UNKNOWN = Cause.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """That the answers of the last weeks are far from those of the weeks before.

    Parameters
    ----------
    since, compared_from
        The Mondays on which the last weeks began, and those before them.
    films
        How many films the model answered in the last weeks, refused ones too.
    distance, limit
        The population stability index, and what it had to reach.
    """

    model: Model
    since: date
    compared_from: date
    films: int
    distance: float
    limit: float
    cause: JumpCause


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The spread of the last weeks beside that of those before them.

    Parameters
    ----------
    weeks, before
        How many weeks they are, and how many those before them.
    """

    weeks: int
    before: int
    now: Spread
    then: Spread
    distance: float

    @property
    def limit(self) -> float:
        """What the distance must reach."""
        return limit_of_chance(self.now.films, self.then.films)

    @property
    def is_far(self) -> bool:
        """Whether it does."""
        return self.distance >= self.limit

    @property
    def is_of_the_read(self) -> bool:
        """Whether it would without the refused films; where the others are few, that is not known."""
        now, then = replace(self.now, refused=0), replace(self.then, refused=0)
        distance = now.distance(then)
        return distance is not None and distance >= limit_of_chance(now.films, then.films)


def comparison_of(weeks: Sequence[Spread]) -> Comparison | None:
    """Compare the last of the weeks that are over with those before; None where they have too few films."""
    for last, before in SPANS:
        now, then = Spread.sum_of(weeks[-last:]), Spread.sum_of(weeks[-last - before : -last])
        distance = now.distance(then)
        if distance is not None:
            return Comparison(weeks=last, before=before, now=now, then=then, distance=distance)
    return None


class AnswerWatch:
    """Looks at the answers of the model in use, week by week."""

    def __init__(self, session: Session, drift: Drift) -> None:
        self._session = session
        self._drift = drift

    def jump(self, person: Person) -> Jump | None:
        """Return the jump of the answers up to the last week that is over, where there is one."""
        over = self._drift.weeks(person)[:-1]
        found = comparison_of([week.spread for week in over])
        if found is None or not found.is_far:
            return None
        since, compared_from = over[-found.weeks].begins, over[-found.weeks - found.before].begins
        return Jump(
            model=self._drift.reference.model,
            since=since,
            compared_from=compared_from,
            films=found.now.films,
            distance=found.distance,
            limit=found.limit,
            cause=self._cause(person, since, compared_from) if found.is_of_the_read else JumpCause.REFUSALS,
        )

    def _cause(self, person: Person, since: date, compared_from: date) -> JumpCause:
        model, zone = self._drift.reference.model, self._drift.zone_of(person.clinic_id)
        table = answers_of(self._session, person.clinic_id, model, compared_from, zone).read
        this_week = self._drift.mondays(person)[-1]
        shift = compared(_between(table, compared_from, since), _between(table, since, this_week))
        found = shift.cause if shift else Cause.UNKNOWN
        return JumpCause.UNKNOWN if found is Cause.NONE else JumpCause(found.value)


def _between(table: AnswerTable, first: date, end: date) -> AnswerTable:
    return table.only((table.week >= first.toordinal()) & (table.week < end.toordinal()))
