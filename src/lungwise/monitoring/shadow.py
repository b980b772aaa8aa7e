"""A second model beside the one in use, for administrators: where it says something else, and how good both are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.film_table import FINDINGS, FilmTable
from lungwise.monitoring.local_accuracy import Accuracy, accuracy
from lungwise.monitoring.local_films import ClinicFilms, LocalFilms
from lungwise.monitoring.local_report import area
from lungwise.monitoring.models import ShadowModel
from lungwise.monitoring.shadow_table import shadow_answers
from lungwise.monitoring.verified import Flags, Floats, Ints, verified
from lungwise.reading.artefact import Thresholds, shipped_card
from lungwise.reading.pattern import COVID
from lungwise.studies.models import FilmRecord, Study

SHOWN = 50
"""Films of which both say something else, the newest, that the page lists."""
ThresholdsOf = Callable[[int, str], Thresholds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One film of which the two models say something else: where, and what probability each gives."""

    study: str
    film: str
    finding: str
    used: float
    shadow: float
    used_level: int
    shadow_level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How good both models are for one finding, on the same patients."""

    finding: str
    flipped: int
    used: Accuracy
    shadow: Accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a second model says beside the one in use.

    Parameters
    ----------
    used, shadow
        The two models.
    films, both
        How many films the one in use has read, and how many both have.
    refused
        How many of the films that the one in use has read the second refuses.
    levels
        Of the films that both have read, how many have each pair of verdicts on COVID-19: 0 negative, 2 positive.
    flips
        The newest films of which they say something else.
    """

    used: Model
    shadow: str
    sha256: str
    films: int
    both: int
    refused: int
    levels: dict[tuple[int, int], int]
    comparisons: list[Comparison]
    flips: list[Flip]


class Shadows:
    """The second models that have read a clinic's films.

    Parameters
    ----------
    thresholds
        Gives those of the model in use that are in force in a clinic, for a finding.
    """

    def __init__(self, session: Session, films: ClinicFilms, thresholds: ThresholdsOf) -> None:
        self._session = session
        self._films = films
        self._thresholds = thresholds

    def newest(self, person: Person) -> Beside | None:
        """Compare the newest second model with the one in use; None where there are no two."""
        person.need(Right.ADMINISTER)
        other = ShadowModel.sha256 != shipped_card().hashes["onnx"]
        shadow = self._session.scalar(select(ShadowModel).where(other).order_by(ShadowModel.id.desc()).limit(1))
        used = self._films.model_in_use(person)
        if shadow is None or used is None:
            return None
        table = self._films.table(person, used)
        in_force = {finding: self._thresholds(person.clinic_id, finding) for finding in FINDINGS}
        pair = _Pair(table, *shadow_answers(self._session, person.clinic_id, shadow.id), in_force, shadow)
        ours = self._films.of_table(person, pair.table)
        theirs = self._films.of_table(person, replace(pair.table, score=pair.score))
        levels = Counter(zip(pair.level(COVID).tolist(), pair.level(COVID, shadow=True).tolist(), strict=True))
        return Beside(
            used=used,
            shadow=str(shadow),
            sha256=shadow.sha256,
            films=len(table.film),
            both=len(pair.table.film),
            refused=pair.refused,
            levels=dict(levels),
            comparisons=[_compare(ours[finding], theirs[finding], pair, finding) for finding in FINDINGS],
            flips=self._flips(pair),
        )

    def _flips(self, pair: _Pair) -> list[Flip]:
        found = [(int(film), finding) for finding in FINDINGS for film in pair.table.film[pair.flipped(finding)]]
        newest = sorted(found, reverse=True)[:SHOWN]
        query = select(FilmRecord.id, FilmRecord.key, Study.key.label("study")).join(Study)
        keys = {
            row.id: row for row in self._session.execute(query.where(FilmRecord.id.in_({film for film, _ in newest})))
        }
        return [pair.flip(film, finding, keys[film].study, keys[film].key) for film, finding in newest if film in keys]


class _Pair:
    """The films that both models have read, with what each says."""

    def __init__(
        self, table: FilmTable, film: Ints, score: Floats, in_force: Mapping[str, Thresholds], shadow: ShadowModel
    ) -> None:
        order = np.argsort(table.film)
        table = table.only(order)
        place = np.searchsorted(film, table.film)
        place[place == len(film)] = 0
        answered = film[place] == table.film if len(film) else np.zeros(len(table.film), bool)
        refused = np.isnan(score[place][:, 0]) if len(film) else answered
        self.refused = int((answered & refused).sum())
        both = answered & ~refused
        self.table, self.score = table.only(both), score[place[both]] if len(film) else score
        self._in_force, self._shadow = in_force, shadow

    def thresholds(self, finding: str, *, shadow: bool = False) -> Thresholds:
        """The thresholds of one of the models."""
        if not shadow:
            return self._in_force[finding]
        lower, upper = self._shadow.thresholds[finding]
        return Thresholds(lower=lower, upper=upper)

    def level(self, finding: str, *, shadow: bool = False) -> Ints:
        """What one of the models says of each film: 0 negative, 1 uncertain, 2 positive."""
        score = (self.score if shadow else self.table.score)[:, FINDINGS.index(finding)]
        of = self.thresholds(finding, shadow=shadow)
        return (score >= of.lower).astype(np.int64) + (score >= of.upper)

    def flipped(self, finding: str) -> Flags:
        """Whether they say something else of each film."""
        other: Flags = self.level(finding) != self.level(finding, shadow=True)
        return other

    def flip(self, film: int, finding: str, study: str, key: str) -> Flip:
        """Say what both say of one film."""
        place, column = int(np.searchsorted(self.table.film, film)), FINDINGS.index(finding)
        return Flip(
            study=study,
            film=key,
            finding=finding,
            used=float(self.table.score[place, column]),
            shadow=float(self.score[place, column]),
            used_level=int(self.level(finding)[place]),
            shadow_level=int(self.level(finding, shadow=True)[place]),
        )


def _compare(ours: LocalFilms, theirs: LocalFilms, pair: _Pair, finding: str) -> Comparison:
    """Measure both on the patients who were tested, each by the film that stands for the patient by its own scores.

    Whom the clinic tested was decided by what the model in use said: its films say how many each patient stands for.
    """
    known, other = verified(ours.films), verified(replace(ours.films, score=theirs.films.score))
    return Comparison(
        finding=finding,
        flipped=int(pair.flipped(finding).sum()),
        used=accuracy(known, pair.thresholds(finding), area),
        shadow=accuracy(other, pair.thresholds(finding, shadow=True), area),
    )
