"""What the page answers to "Is the model still steady?": what the last weeks say, or that they say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from lungwise.monitoring.answer_changes import Comparison, comparison_of
from lungwise.monitoring.drift import FEWEST_FILMS, Spread, WeekSpread

RECENT_WEEKS = 4
"""Of so many weeks that are over, and of the present one, the page says whether they differed from those before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyAnswer:
    """Whether a model still answers as before.

    Parameters
    ----------
    changed
        The Mondays of the recent weeks that differed clearly from those before them.
    jumped_since
        The Monday since which the newest of them did so that were compared together; None where none did.
    compared
        The weeks up to the last one that is over beside those before; None where they have too few films.
    compared_until
        The Monday of the last week that could be compared; None where none could.
    from_reference
        How far the newest films are from those that the model was checked on; None where they are too few.
    """

    changed: tuple[date, ...]
    jumped_since: date | None
    compared: Comparison | None
    compared_until: date | None
    from_reference: float | None


def steady_answer(weeks: Sequence[WeekSpread], reference: Spread) -> SteadyAnswer:
    """Answer from a clinic's weeks, of which the last is not over yet."""
    over, recent = weeks[:-1], weeks[-RECENT_WEEKS - 1 :]
    found = [comparison_of([week.spread for week in over[: n + 1]]) for n in range(len(over))]
    known = [week.begins for week, comparison in zip(over, found, strict=True) if comparison]
    return SteadyAnswer(
        changed=tuple(week.begins for week in recent if week.notable),
        jumped_since=_jumped_since(over, found),
        compared=found[-1],
        compared_until=known[-1] if known else None,
        from_reference=_newest([week.spread for week in recent]).distance(reference),
    )


def _jumped_since(over: Sequence[WeekSpread], found: Sequence[Comparison | None]) -> date | None:
    for end in range(len(over), len(over) - RECENT_WEEKS, -1):
        comparison = found[end - 1]
        if comparison and comparison.weeks > 1 and comparison.is_far:
            return over[end - comparison.weeks].begins
    return None


def _newest(recent: Sequence[Spread]) -> Spread:
    """Return the films of the newest week that has enough of them; where none has, of all together."""
    enough = (spread for spread in reversed(recent) if spread.films >= FEWEST_FILMS)
    return next(enough, Spread.sum_of(recent))
