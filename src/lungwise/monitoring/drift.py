"""Drift: how a model's probabilities in a clinic are spread, week by week, beside those on its validation films."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from math import log
from pathlib import Path

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.weeks import ClinicWeeks
from lungwise.reading.artefact import WEIGHTS, folder_in_use, shipped_card
from lungwise.store import Clock
from lungwise.studies.models import FilmRecord, ReadingRecord, Study, said_by_model
from lungwise.studies.numbers import decimals_apart
from lungwise.time_zones import ZoneOf, in_utc

REFERENCE = WEIGHTS / "reference.json"
"""How the shipped model answered its validation films; written by `lungwise reference`."""
EDGES = (0.2, 0.4, 0.6, 0.8)
"""Where one band of probabilities ends and the next begins."""
_REFUSED = -1
"""The band of a film without a probability."""
WEEKS_BEFORE = 4
"""Weeks that a week is compared with, besides the validation films."""
FEWEST_FILMS = 100
"""A distance between fewer films says nothing."""
NOTABLE_DISTANCE = 0.25
"""From this distance on, a population counts as another one (Siddiqi 2006)."""
ALIKE = 0.1
"""Below this distance two populations count as alike (Siddiqi 2006)."""
_CHANCE = 20.5
"""Without any drift the distance is a chi-square of 5 degrees of freedom times 1/n + 1/m for n and m films (Yurdakul
and Naranjo 2020); once in a thousand times it is higher than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How many films had a probability in each band, from the lowest, and how many were refused."""

    bands: tuple[int, ...]
    refused: int

    @property
    def films(self) -> int:
        """The number of films."""
        return sum(self.counts)

    @property
    def counts(self) -> tuple[int, ...]:
        """The bands and the refused."""
        return (*self.bands, self.refused)

    def distance(self, other: Spread) -> float | None:
        """Measure the population stability index between two spreads; None where either has too few films.

        Half a film is added to every count, so that an empty band is finitely far.
        """
        if min(self.films, other.films) < FEWEST_FILMS:
            return None
        pairs = zip(_shares(self.counts), _shares(other.counts), strict=True)
        return sum((here - there) * log(here / there) for here, there in pairs)

    @classmethod
    def sum_of(cls, spreads: Sequence[Spread]) -> Spread:
        """Add spreads up."""
        bands = (sum(spread.bands[band] for spread in spreads) for band in range(len(EDGES) + 1))
        return cls(bands=tuple(bands), refused=sum(spread.refused for spread in spreads))


def distance_decimals(distance: float, *limits: float) -> int:
    """Return how finely a distance is written: two decimals, or more where it would look like a limit."""
    return decimals_apart(distance, *(limits or (ALIKE, NOTABLE_DISTANCE)), fewest=2)


def limit_of_chance(here: int, there: int) -> float:
    """Return from which distance on populations of so many films count as different.

    It is `NOTABLE_DISTANCE`, or more where chance alone would pass that more often than once in a thousand times.
    """
    return max(NOTABLE_DISTANCE, _CHANCE * (1 / here + 1 / there))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """How the probabilities of one version of a model are spread on its validation films."""

    model: Model
    films: str
    spread: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekSpread:
    """One week's spread, and its distances from the validation films' and from that of the weeks before.

    Parameters
    ----------
    limit
        From which distance from the weeks before on it is far from them; None where there are too few films.
    """

    begins: date
    spread: Spread
    from_reference: float | None
    from_before: float | None
    limit: float | None

    @property
    def notable(self) -> bool:
        """Whether the week is far from the weeks before it."""
        return self.from_before is not None and self.limit is not None and self.from_before >= self.limit


class Drift:
    """Compares the spread of one model's probabilities in a clinic with that on its validation films."""

    def __init__(self, session: Session, clock: Clock, reference: Reference, zone_of: ZoneOf = in_utc) -> None:
        self._session = session
        self._weeks = ClinicWeeks(clock, zone_of)
        self.reference = reference

    def weeks(self, person: Person) -> list[WeekSpread]:
        """Count the films of the last 26 weeks' studies."""
        weeks = self.mondays(person)
        spreads = self._spreads(person, weeks)
        return [self._week(week, spreads[max(n - WEEKS_BEFORE, 0) : n + 1]) for n, week in enumerate(weeks)]

    def mondays(self, person: Person) -> list[date]:
        """Return the Mondays of these weeks, this week's last."""
        person.need(Right.ADMINISTER)
        return self._weeks.last(person.clinic_id)

    def _week(self, begins: date, spreads: Sequence[Spread]) -> WeekSpread:
        """Compare the last of some weeks with the others, and with the validation films."""
        spread, before = spreads[-1], Spread.sum_of(spreads[:-1])
        from_before = spread.distance(before)
        return WeekSpread(
            begins=begins,
            spread=spread,
            from_reference=spread.distance(self.reference.spread),
            from_before=from_before,
            limit=None if from_before is None else limit_of_chance(spread.films, before.films),
        )

    def _spreads(self, person: Person, weeks: list[date]) -> list[Spread]:
        found: dict[date, Counter[int]] = {week: Counter() for week in weeks}
        for week, band, films in self._session.execute(_query(person, weeks[0], self.reference.model)):
            if week in found:
                found[week][band] += films
        return list(map(_spread, found.values()))


def spread_of(probabilities: Sequence[float | None]) -> Spread:
    """Count probabilities by band; None is a refusal."""
    return _spread(Counter(_REFUSED if one is None else bisect_right(EDGES, one) for one in probabilities))


def _spread(films_by_band: Counter[int]) -> Spread:
    bands = tuple(films_by_band[band] for band in range(len(EDGES) + 1))
    return Spread(bands=bands, refused=films_by_band[_REFUSED])


def reference_in_use() -> Reference:
    """Return the reference of the model in use; where its folder holds none, one of no films."""
    path = folder_in_use() / REFERENCE.name
    if path.is_file():
        return read_reference(path)
    card = shipped_card()
    return Reference(model=Model(name=card.name, version=card.version), films="-", spread=_spread(Counter()))


def read_reference(path: Path = REFERENCE) -> Reference:
    """Read what `write_reference` wrote."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    spread = Spread(bands=tuple(fields["spread"]["bands"]), refused=fields["spread"]["refused"])
    return Reference(model=Model(**fields["model"]), films=fields["films"], spread=spread)


def write_reference(reference: Reference, path: Path = REFERENCE) -> None:
    """Write a reference beside its model."""
    path.write_text(json.dumps(asdict(reference), indent=1) + "\n", encoding="utf-8")


def _query(person: Person, since: date, model: Model) -> Select[date, int, int]:
    """Count a clinic's films by the week of their study and the band of their probability."""
    band = _band().label("band")
    query = select(Study.week, band, func.count()).join(FilmRecord, FilmRecord.study_id == Study.id)
    query = query.join(ReadingRecord, ReadingRecord.film_id == FilmRecord.id)
    query = query.where(Study.clinic_id == person.clinic_id, Study.week >= since)
    query = query.where(ReadingRecord.model == model.name, ReadingRecord.version == model.version)
    return query.group_by(Study.week, band)


def _band() -> ColumnElement[int]:
    probability = said_by_model()
    steps = [(probability < edge, number) for number, edge in enumerate(EDGES)]
    return case((probability.is_(None), _REFUSED), *steps, else_=len(EDGES))


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) + len(counts) / 2
    return [(count + 0.5) / total for count in counts]
