"""How good the model is at a clinic, for one finding: everything that the page on it shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from lungwise.monitoring.film_table import HIGH, LOW, MIDDLE, FilmTable, Texts
from lungwise.monitoring.local_accuracy import Accuracy, Cost, Measure, accuracy, auc, cost_at, costs
from lungwise.monitoring.local_films import LocalFilms
from lungwise.monitoring.verified import Flags, Verification, VerifiedFilms, unverified_stratum, verified
from lungwise.reading.artefact import ModelCard, Thresholds
from lungwise.reading.pattern import COVID, finding_threshold

AGES = ((18, 39), (40, 59), (60, None))
"""Age groups, in years."""
MONTHS = 12
SHOWN_THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""Thresholds of which the table says what they would cost, beside those in force."""
_FORGOTTEN_AFTER = 100
_AUCS: dict[bytes, Measure | None] = {}
"""The newest areas by what they were worked out from: resampling takes longer than all the rest of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """The films of which the same was said: how many, how many of them tested, how many with the finding."""

    level: int
    films: int
    tested: int
    positive: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Some of a clinic's verified films: those of one view, sex, age, device or month."""

    label: str
    accuracy: Accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCost:
    """What a threshold would cost, and whether it is in force."""

    cost: Cost
    in_force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalReport:
    """What is known of one finding.

    Parameters
    ----------
    thresholds
        Those in force.
    patients, tested, left_out
        Whose films are compared; of whom a result counts; and how many results count for no film.
    unverified
        The lowest stratum of which nobody was tested because of the film or by lot; None where there is none.
    whole
        Whether the tested stand for all patients of the clinic.
    curve, costs
        What many thresholds would cost, and what a few would, for a table.
    groups
        By `view`, `sex`, `age`, `device` and `month`.
    """

    finding: str
    thresholds: Thresholds
    patients: int
    tested: int
    left_out: int
    strata: list[Stratum]
    unverified: int | None
    whole: bool
    accuracy: Accuracy
    curve: list[Cost]
    costs: list[ShownCost]
    groups: dict[str, list[Group]]


def thresholds_of(card: ModelCard, finding: str) -> Thresholds:
    """Return a finding's thresholds; both are the same where it is raised or not."""
    if finding == COVID:
        return card.thresholds
    one = finding_threshold(finding, card.finding_thresholds)
    return Thresholds(lower=one, upper=one)


def report(finding: str, local: LocalFilms, thresholds: Thresholds) -> LocalReport:
    """Work out what a clinic's films and results say of one finding."""
    known = verified(local.films)
    return LocalReport(
        finding=finding,
        thresholds=thresholds,
        patients=len(local.films.score),
        tested=int((local.films.verification > 0).sum()),
        left_out=local.left_out,
        strata=_strata(local, levels_of(finding)),
        unverified=unverified_stratum(local.films),
        whole=known.whole,
        accuracy=accuracy(known, thresholds, area),
        curve=costs(known),
        costs=_shown_costs(known, thresholds),
        groups=_groups(known, _counted(local, known), thresholds),
    )


def levels_of(finding: str) -> tuple[int, ...]:
    """Return what may be said of a finding."""
    return (LOW, MIDDLE, HIGH) if finding == COVID else (LOW, HIGH)


def _counted(local: LocalFilms, known: VerifiedFilms) -> FilmTable:
    """The films behind the verified ones, in their order."""
    counted = local.films.verification == Verification.ANYWAY
    if known.whole:
        counted |= local.films.verification == Verification.BY_FILM
    return local.table.only(counted)


def _strata(local: LocalFilms, levels: tuple[int, ...]) -> list[Stratum]:
    tested = local.films.verification > 0
    return [
        Stratum(
            level=level,
            films=int(of_level.sum()),
            tested=int((of_level & tested).sum()),
            positive=int((of_level & tested & local.films.positive).sum()),
        )
        for level in levels
        for of_level in (local.films.stratum == level,)
    ]


def _shown_costs(known: VerifiedFilms, thresholds: Thresholds) -> list[ShownCost]:
    if not known.positive.any():
        return []
    in_force = {thresholds.lower, thresholds.upper}
    return [
        ShownCost(cost=cost_at(known, one), in_force=one in in_force) for one in sorted({*SHOWN_THRESHOLDS, *in_force})
    ]


def _groups(known: VerifiedFilms, table: FilmTable, thresholds: Thresholds) -> dict[str, list[Group]]:
    found = {kind: _of_texts(getattr(table, kind)) for kind in ("view", "sex", "device")}
    found |= {"age": list(_of_ages(table)), "month": list(_of_months(table))}
    return {
        kind: [
            Group(label=label, accuracy=accuracy(known.only(some), thresholds, _no_area))
            for label, some in groups
            if some.any()
        ]
        for kind, groups in found.items()
    }


def _of_texts(texts: Texts) -> list[tuple[str, Flags]]:
    return [(label, texts == label) for label in sorted(set(texts), key=lambda label: (not label, label))]


def _of_ages(table: FilmTable) -> Iterator[tuple[str, Flags]]:
    for youngest, oldest in AGES:
        some = (table.age >= youngest) & (table.age <= (oldest or table.age.max(initial=0)))
        yield f"{youngest}-{oldest}" if oldest else f"≥ {youngest}", some
    yield "", table.age < 0


def _of_months(table: FilmTable) -> Iterator[tuple[str, Flags]]:
    """The films of each of the last months that has some, the newest first."""
    months = np.array([date.fromordinal(day).isoformat()[:7] for day in table.day], object)
    for month in sorted(set(months), reverse=True)[:MONTHS]:
        yield month, months == month


def area(known: VerifiedFilms) -> Measure | None:
    """Return the area under the curve, worked out once for the same films."""
    digest = hashlib.sha256(b"".join(part.tobytes() for part in (known.score, known.positive, known.weight))).digest()
    if digest not in _AUCS:
        while len(_AUCS) >= _FORGOTTEN_AFTER:
            _AUCS.pop(next(iter(_AUCS)), None)
        _AUCS[digest] = auc(known)
    return _AUCS[digest]


def _no_area(known: VerifiedFilms) -> None:
    """Of a group there is none: it would take long, and say little."""
