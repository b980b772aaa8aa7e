"""What a model must reach before it is shipped: one row a measure, with its interval and its bar.

The thresholds of these rows are chosen on `val` alone: the score of "not normal" that 90 % of SIIM's negatives stay
below, and the probability of tuberculosis that 95 % of adults without it stay below. Each row says of which films it
is; a row whose films are not there is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from lungwise.evaluation.metrics import Contrast, auc, mean, proportion, rank_correlation, threshold_at_specificity
from lungwise.evaluation.protocol import OPERATING_SPECIFICITY, OPERATING_SPLIT, chooses_operating_point
from lungwise.evaluation.results import EvaluatedFilm
from lungwise.evaluation.schema import CriterionRow, Estimate
from lungwise.films.collection import LabelledFilm
from lungwise.reading import Reading, Verdict
from lungwise.reading.extent import mean_opacity

TUBERCULOSIS_SPECIFICITY = 0.95
_OTHER_DISEASE = ("pneumonia", "opacity", "other finding", "other")
_UNSEEN = ("test", "external")

Which = Callable[[LabelledFilm], bool]
Rows = Sequence[tuple[LabelledFilm, Reading]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A measure and its bar.

    Parameters
    ----------
    at_least, at_most
        The bar; None where there is none on that side.
    """

    name: str
    value: Callable[[Rows], Estimate | None]
    at_least: float | None = None
    at_most: float | None = None


def films_of(source: str, *labels: str, split: str = "test", view: str = "") -> Which:
    """Choose the films of a source, of any label where none is given."""

    def chosen(film: LabelledFilm) -> bool:
        return (
            film.source == source
            and film.split in (split, "external")
            and (not labels or film.label in labels)
            and view in ("", film.projection)
        )

    return chosen


def criteria_of(
    results: Iterable[EvaluatedFilm], brixia: Mapping[Path, float] = MappingProxyType({})
) -> list[CriterionRow]:
    """Measure what the films at hand allow.

    Parameters
    ----------
    brixia
        A senior radiologist's global Brixia scores, by film.
    """
    rows = [(r.film, r.reading) for r in results if r.reading]
    criteria = [*_criteria(rows), _of_extent(brixia)]
    return [row for criterion in criteria if (row := _row(criterion, rows)) is not None]


def chooses_thresholds(film: LabelledFilm) -> bool:
    """Whether the film helps to choose a threshold of these rows."""
    return chooses_operating_point(film) or _chooses_tuberculosis(film)


def _chooses_tuberculosis(film: LabelledFilm) -> bool:
    return film.split == OPERATING_SPLIT and film.adult and film.tuberculosis is False


def _row(criterion: Criterion, rows: Rows) -> CriterionRow | None:
    estimate = criterion.value(rows)
    if estimate is None:
        return None
    low, high = criterion.at_least, criterion.at_most
    value = estimate["value"]
    return {
        "measure": criterion.name,
        "estimate": estimate,
        "at_least": low,
        "at_most": high,
        "reached": (low is None or value >= low) and (high is None or value <= high),
    }


def _criteria(rows: Rows) -> Iterator[Criterion]:
    """All of them, in their order, at the thresholds that these films choose."""
    yield Criterion(
        name="typical against negative, SIIM, AUC",
        value=_area(films_of("siim", "typical appearance"), films_of("siim", "negative for pneumonia"), _probability),
        at_least=0.94,
    )
    for source, at_least in (("delhi", 0.93), ("chexpert", 0.90)):
        yield Criterion(
            name=f"normal against not normal, {source}, AUC",
            value=_area(films_of(source, "normal"), _not_normal(source), _normal),
            at_least=at_least,
        )
    yield from _of_tuberculosis(rows)
    yield Criterion(
        name="COVID-19 against other, Radiopaedia, AUC",
        value=_area(
            films_of("cohen-radiopaedia.org", "COVID-19"), films_of("cohen-radiopaedia.org", "other"), _probability
        ),
        at_least=0.79,
    )
    yield from _of_not_normal(rows)
    yield from _of_verdicts()


def _of_tuberculosis(rows: Rows) -> Iterator[Criterion]:
    yield Criterion(
        name="tuberculosis against normal, delhi, AUC",
        value=_area(films_of("delhi", "tuberculosis"), films_of("delhi", "normal"), _tuberculosis),
        at_least=0.85,
    )
    healthy = [_tuberculosis(r) for f, r in rows if _chooses_tuberculosis(f)]
    if not healthy:
        return
    threshold = threshold_at_specificity(np.array(healthy), TUBERCULOSIS_SPECIFICITY)

    def is_called(reading: Reading) -> bool:
        return _tuberculosis(reading) > threshold

    called = "tuberculosis called at 95 % specificity on val"
    yield Criterion(
        name=f"{called}, tbx11k", value=_share(films_of("tbx11k", "tuberculosis"), is_called), at_least=0.85
    )
    yield Criterion(name=f"{called}, delhi", value=_share(films_of("delhi", "tuberculosis"), is_called), at_least=0.5)
    yield Criterion(
        name=f"{called}, delhi's normals", value=_share(films_of("delhi", "normal"), is_called), at_most=0.1
    )


def _of_not_normal(rows: Rows) -> Iterator[Criterion]:
    negatives = [-_normal(r) for f, r in rows if chooses_operating_point(f)]
    if not negatives:
        return
    threshold = threshold_at_specificity(np.array(negatives), OPERATING_SPECIFICITY)

    def is_called(reading: Reading) -> bool:
        return -_normal(reading) > threshold

    wanted: tuple[tuple[str, Which, float], ...] = (
        ("hannover", films_of("hannover"), 0.80),
        ("hannover, PA", films_of("hannover", view="PA"), 0.52),
        ("hannover, AP", films_of("hannover", view="AP"), 0.88),
        ("ricord, positive PCR", films_of("ricord"), 0.40),
        ("delhi, tuberculosis", films_of("delhi", "tuberculosis"), 0.65),
        ("tbx11k, tuberculosis", films_of("tbx11k", "tuberculosis"), 0.80),
        ("chexpert, other disease", _not_normal("chexpert"), 0.55),
    )
    for name, which, at_least in wanted:
        yield Criterion(name=f"not normal: {name}", value=_share(which, is_called), at_least=at_least)
    by_patient = _by_patient(films_of("hannover"), is_called)
    yield Criterion(name="not normal: hannover, by patient", value=by_patient, at_least=0.80)
    yield Criterion(name="not normal: delhi, normal", value=_share(films_of("delhi", "normal"), is_called), at_most=0.1)


def _of_verdicts() -> Iterator[Criterion]:
    yield Criterion(name="verdict positive: hannover", value=_share(films_of("hannover"), _is_positive), at_least=0.55)
    yield Criterion(
        name="verdict positive: delhi, tuberculosis",
        value=_share(films_of("delhi", "tuberculosis"), _is_positive),
        at_most=0.05,
    )
    yield Criterion(
        name="verdict positive: chexpert, other disease",
        value=_share(_not_normal("chexpert"), _is_positive),
        at_most=0.08,
    )


def _of_extent(brixia: Mapping[Path, float]) -> Criterion:
    def value(rows: Rows) -> Estimate | None:
        scored = [(film, reading) for film, reading in rows if film.path in brixia and film.split in _UNSEEN]
        if len({brixia[film.path] for film, _ in scored}) < 2:
            return None
        return rank_correlation(
            np.array([_extent(reading) for _, reading in scored]),
            np.array([brixia[film.path] for film, _ in scored]),
            np.array([film.patient for film, _ in scored], np.str_),
        )

    return Criterion(name="extent against Brixia (senior), test and external, Spearman", value=value, at_least=0.85)


def _extent(reading: Reading) -> float:
    """What the product says; of a model that says no extent, what would be made of its heat map."""
    return reading.extent.brixia if reading.extent else mean_opacity(reading.heat_map)


def _not_normal(source: str) -> Which:
    return films_of(source, "tuberculosis", *_OTHER_DISEASE)


def _area(positive: Which, negative: Which, score: Callable[[Reading], float]) -> Callable[[Rows], Estimate | None]:
    def value(rows: Rows) -> Estimate | None:
        sides = [(f, r, positive(f)) for f, r in rows if positive(f) or negative(f)]
        if len({is_positive for _, _, is_positive in sides}) < 2:
            return None
        return auc(
            Contrast(
                source=np.array([f.source for f, _, _ in sides], np.str_),
                patient=np.array([f.patient for f, _, _ in sides], np.str_),
                positive=np.array([is_positive for _, _, is_positive in sides], np.bool_),
                score=np.array([score(r) for _, r, _ in sides]),
            )
        )

    return value


def _share(which: Which, is_called: Callable[[Reading], bool]) -> Callable[[Rows], Estimate | None]:
    return lambda rows: proportion([is_called(reading) for film, reading in rows if which(film)])


def _by_patient(which: Which, is_called: Callable[[Reading], bool]) -> Callable[[Rows], Estimate | None]:
    """Each patient counts once, with the share of their films."""

    def value(rows: Rows) -> Estimate | None:
        patients: dict[str, list[bool]] = {}
        for film, reading in rows:
            if which(film):
                patients.setdefault(film.patient, []).append(is_called(reading))
        if not patients:
            return None
        return mean(np.array([np.mean(called) for called in patients.values()]), np.array(list(patients)))

    return value


def _probability(reading: Reading) -> float:
    return reading.probability


def _normal(reading: Reading) -> float:
    return reading.findings["normal"]


def _tuberculosis(reading: Reading) -> float:
    return reading.findings["tuberculosis"]


def _is_positive(reading: Reading) -> bool:
    return reading.verdict is Verdict.POSITIVE
