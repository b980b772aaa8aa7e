"""Drift: how a model's answers in a clinic are spread, week by week, beside those on its validation films."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from math import log
from pathlib import Path

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.jobs.reading_queue import Model
from lungwise.reading.artefact import WEIGHTS
from lungwise.store import Clock
from lungwise.studies.models import FilmRecord, ReadingRecord, Study, monday

REFERENCE = WEIGHTS / "reference.json"
"""How the shipped model answered its validation films; written by `lungwise reference`."""
EDGES = (0.2, 0.4, 0.6, 0.8)
"""Where one band of probabilities ends and the next begins."""
WEEKS = 26
BEFORE = 4
"""Weeks that a week is held against, besides the validation films."""
LEAST = 100
"""Films below which a distance says nothing."""
NOTABLE = 0.25
"""The distance from which on a population counts as another one (Siddiqi 2006).

Without any drift that of 100 films from 400 reaches it about once in a thousand times: it is then a chi-square of
5 degrees of freedom times 1/100 + 1/400 (Yurdakul and Naranjo 2020)."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How many films had a probability in each band, from the lowest, and how many were refused."""

    bands: tuple[int, ...]
    refused: int

    @property
    def films(self) -> int:
        """How many films there were."""
        return sum(self.counts)

    @property
    def counts(self) -> tuple[int, ...]:
        """The bands and the refused."""
        return (*self.bands, self.refused)

    def distance(self, other: Spread) -> float | None:
        """Measure the population stability index between two spreads; None where either has too few films.

        Half a film is added to every count, so that an empty band is finitely far.
        """
        if min(self.films, other.films) < LEAST:
            return None
        pairs = zip(_shares(self.counts), _shares(other.counts), strict=True)
        return sum((here - there) * log(here / there) for here, there in pairs)


@dataclass(frozen=True, slots=True)
class Reference:
    """How one version of a model answered its validation films."""

    model: Model
    films: str
    spread: Spread


@dataclass(frozen=True, slots=True)
class Week:
    """One week's answers, and how far they are from the validation films' and from those of the weeks before."""

    begins: date
    spread: Spread
    from_reference: float | None
    from_before: float | None

    @property
    def notable(self) -> bool:
        """Whether the week is far from the weeks before it."""
        return self.from_before is not None and self.from_before >= NOTABLE


class Drift:
    """Watches how the answers of one model are spread in a clinic."""

    def __init__(self, session: Session, clock: Clock, reference: Reference) -> None:
        self._session = session
        self._clock = clock
        self.reference = reference

    def weeks(self, person: Person) -> list[Week]:
        """Count the answers to the films of the last 26 weeks' studies."""
        person.need(Right.ADMINISTER)
        since = monday(self._clock().date()) - timedelta(weeks=WEEKS - 1)
        spreads = self._spreads(person, since)
        return [
            Week(
                since + timedelta(weeks=n),
                spread,
                spread.distance(self.reference.spread),
                spread.distance(_together(spreads[max(n - BEFORE, 0) : n])),
            )
            for n, spread in enumerate(spreads)
        ]

    def _spreads(self, person: Person, since: date) -> list[Spread]:
        found: Counter[tuple[date, int]] = Counter()
        for week, band, films in self._session.execute(_query(person, since, self.reference.model)):
            found[week, band] += films
        weeks = [since + timedelta(weeks=n) for n in range(WEEKS)]
        bands = range(len(EDGES) + 1)
        return [Spread(tuple(found[week, band] for band in bands), found[week, -1]) for week in weeks]


def spread_of(answers: Sequence[float | None]) -> Spread:
    """Count probabilities by band; None is a refusal."""
    counts = Counter(-1 if answer is None else bisect_right(EDGES, answer) for answer in answers)
    return Spread(tuple(counts[band] for band in range(len(EDGES) + 1)), counts[-1])


def read_reference(path: Path = REFERENCE) -> Reference:
    """Read what `write_reference` wrote."""
    said = json.loads(path.read_text(encoding="utf-8"))
    spread = Spread(tuple(said["spread"]["bands"]), said["spread"]["refused"])
    return Reference(Model(**said["model"]), said["films"], spread)


def write_reference(reference: Reference, path: Path = REFERENCE) -> None:
    """Write a reference beside its model."""
    path.write_text(json.dumps(asdict(reference), indent=1) + "\n", encoding="utf-8")


def _query(person: Person, since: date, model: Model) -> Select[date, int, int]:
    """Count a clinic's films by the week of their study and the band of the model's answer."""
    band = _band().label("band")
    query = select(Study.week, band, func.count()).join(FilmRecord, FilmRecord.study_id == Study.id)
    query = query.join(ReadingRecord, ReadingRecord.film_id == FilmRecord.id)
    query = query.where(Study.clinic_id == person.clinic_id, Study.week >= since)
    query = query.where(ReadingRecord.model == model.name, ReadingRecord.version == model.version)
    return query.group_by(Study.week, band)


def _band() -> ColumnElement[int]:
    probability = ReadingRecord.probability
    steps = [(probability < edge, number) for number, edge in enumerate(EDGES)]
    return case((probability.is_(None), -1), *steps, else_=len(EDGES))


def _together(spreads: Sequence[Spread]) -> Spread:
    bands = (sum(spread.bands[band] for spread in spreads) for band in range(len(EDGES) + 1))
    return Spread(tuple(bands), sum(spread.refused for spread in spreads))


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) + len(counts) / 2
    return [(count + 0.5) / total for count in counts]
