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

from lungwise.evaluation.localisation import energy_inside, points_inside
from lungwise.evaluation.metrics import (
    Contrast,
    auc,
    calibration,
    mean,
    mean_by_patient,
    proportion,
    rank_correlation,
    threshold_at_specificity,
)
from lungwise.evaluation.protocol import (
    BORDER_ALONE,
    CONTROLLED,
    HIGHEST_BORDER_AUC,
    OPERATING_SPECIFICITY,
    OPERATING_SPLIT,
    OTHER_DISEASE,
    Question,
    chooses_operating_point,
    question,
    score_of,
)
from lungwise.evaluation.results import EvaluatedFilm
from lungwise.evaluation.schema import CriterionRow, Estimate, Split
from lungwise.evaluation.tables import controls_of
from lungwise.films.collection import LabelledFilm
from lungwise.reading import Reading, Verdict
from lungwise.reading.extent import mean_opacity

TUBERCULOSIS_SPECIFICITY = 0.95
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
    question
        Of one source with both kinds of films: what their borders alone answer is held beside it.
    """

    name: str
    value: Callable[[Rows], Estimate | None]
    at_least: float | None = None
    at_most: float | None = None
    question: Question | None = None


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
    results: Iterable[EvaluatedFilm],
    brixia: Mapping[Path, float] = MappingProxyType({}),
    splits: Sequence[Split] = (),
) -> list[CriterionRow]:
    """Measure what the films at hand allow.

    Parameters
    ----------
    brixia
        A senior radiologist's global Brixia scores, by film.
    splits
        What was measured of the splits: the controls, and the photographs where they were taken.
    """
    results = list(results)
    rows = [(r.film, r.reading) for r in results if r.reading]
    criteria = [*_criteria(rows), _of_extent(brixia), *_of_heat_map(), *_of_calibration(), *_of_refusals(results)]
    criteria += _of_photographs(splits)
    return [row for criterion in criteria if (row := _row(criterion, rows, splits)) is not None]


def chooses_thresholds(film: LabelledFilm) -> bool:
    """Whether the film helps to choose a threshold of these rows."""
    return chooses_operating_point(film) or _chooses_tuberculosis(film)


def _chooses_tuberculosis(film: LabelledFilm) -> bool:
    return film.split == OPERATING_SPLIT and film.adult and film.tuberculosis is False


def _row(criterion: Criterion, rows: Rows, splits: Sequence[Split]) -> CriterionRow | None:
    estimate = criterion.value(rows)
    if estimate is None:
        return None
    low, high = criterion.at_least, criterion.at_most
    value, border = estimate["value"], _border(criterion.question, splits)
    is_claimed = border is None or border["lower"] <= HIGHEST_BORDER_AUC
    return {
        "measure": criterion.name,
        "estimate": estimate,
        "at_least": low,
        "at_most": high,
        "border": border,
        "is_claimed": is_claimed,
        "reached": is_claimed and (low is None or value >= low) and (high is None or value <= high),
    }


def _border(question: Question | None, splits: Sequence[Split]) -> Estimate | None:
    """What the border alone answers, where the question is asked of one source."""
    if question is None:
        return None
    asked = (source for split in splits for source in split["sources"] if source["source"] == question.source)
    for source in asked:
        for control in controls_of(source, question.name, question.score):
            if control["control"] == BORDER_ALONE:
                return control["control_auc"]
    return None


def _criteria(rows: Rows) -> Iterator[Criterion]:
    """All of them, in their order, at the thresholds that these films choose."""
    yield _asked("typical against negative, SIIM, AUC", CONTROLLED, 0.94)
    normal = question("delhi", "normal against tuberculosis", "normal")
    yield _asked("normal against not normal, delhi, AUC", normal, 0.93)
    normal = question("chexpert", "normal against not normal", "normal")
    yield _asked("normal against not normal, chexpert, AUC", normal, 0.90)
    yield from _of_tuberculosis(rows)
    covid = question("cohen-radiopaedia.org", "COVID-19 against other")
    yield _asked("COVID-19 against other, Radiopaedia, AUC", covid, 0.79)
    yield from _of_not_normal(rows)
    yield from _of_verdicts()


def _asked(name: str, asked: Question, at_least: float) -> Criterion:
    """The AUC of a question, of films that no threshold was chosen on."""
    positive, negative = (films_of(asked.source, *labels) for labels in (asked.positive, asked.negative))

    def score(reading: Reading) -> float:
        return score_of(reading, asked.score)

    return Criterion(name=name, value=_area(positive, negative, score), at_least=at_least, question=asked)


def _of_tuberculosis(rows: Rows) -> Iterator[Criterion]:
    asked = question("delhi", "tuberculosis against normal", "tuberculosis")
    yield _asked("tuberculosis against normal, delhi, AUC", asked, 0.85)
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
        if name.startswith("hannover"):
            by_patient = _by_patient(which, is_called)
            yield Criterion(name=f"not normal: {name}, by patient", value=by_patient, at_least=at_least)
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


def _of_heat_map() -> Iterator[Criterion]:
    def pointing(rows: Rows) -> Estimate | None:
        return proportion([points_inside(r.hot_spot, f.boxes) for f, r in rows if _is_boxed(f)])

    def energy(rows: Rows) -> Estimate | None:
        boxed = [(film, reading) for film, reading in rows if _is_boxed(film)]
        if not boxed:
            return None
        inside = np.array([energy_inside(reading.heat_map, film.boxes) for film, reading in boxed])
        return mean(inside, np.array([film.patient for film, _ in boxed]))

    yield Criterion(name="the heat map's highest place is in a box, SIIM", value=pointing, at_least=0.87)
    yield Criterion(name="share of the heat in the boxes, SIIM", value=energy, at_least=0.60)


def _is_boxed(film: LabelledFilm) -> bool:
    return film.split == "test" and film.source == "siim" and bool(film.boxes)


def _of_calibration() -> Iterator[Criterion]:
    typical, negative = films_of("siim", "typical appearance"), films_of("siim", "negative for pneumonia")
    yield Criterion(
        name="calibration error, SIIM", value=_calibration_error(typical, negative, _probability), at_most=0.04
    )
    for source in ("delhi", "chexpert"):
        value = _calibration_error(films_of(source, "normal"), _not_normal(source), _normal)
        yield Criterion(name=f"calibration error of normal, {source}", value=value, at_most=0.08)


def _calibration_error(
    positive: Which, negative: Which, score: Callable[[Reading], float]
) -> Callable[[Rows], Estimate | None]:
    def value(rows: Rows) -> Estimate | None:
        sides = [(score(r), positive(f), f.patient) for f, r in rows if positive(f) or negative(f)]
        if len({is_so for _, is_so, _ in sides}) < 2:
            return None
        said, is_so, patient = zip(*sides, strict=True)
        found = calibration(np.array(said), np.array(is_so), np.array(patient, np.str_))
        lower, upper = found["ece_interval"]
        return {"value": found["ece"], "lower": lower, "upper": upper, "of": found["films"]}

    return value


def _of_photographs(splits: Sequence[Split]) -> Iterator[Criterion]:
    for split in splits:
        if found := split.get("photographs"):
            yield Criterion(name="AUC lost by photographs", value=_given(found["lost"]), at_most=0.02)


def _given(estimate: Estimate) -> Callable[[Rows], Estimate | None]:
    return lambda _rows: estimate


def _of_refusals(results: Sequence[EvaluatedFilm]) -> Iterator[Criterion]:
    """Of what was refused there is no reading, so these look at the results, not at the rows."""

    def refused(which: Which) -> Callable[[Rows], Estimate | None]:
        return lambda _rows: proportion([r.reading is None for r in results if which(r.film)])

    def is_lateral(film: LabelledFilm) -> bool:
        return film.split in _UNSEEN and film.source == "ood-lateral"

    def is_other(film: LabelledFilm) -> bool:
        return film.split in _UNSEEN and film.group == "ood" and not is_lateral(film)

    def is_good(film: LabelledFilm) -> bool:
        return film.split in _UNSEEN and film.group != "ood"

    yield Criterion(name="other pictures refused", value=refused(is_other), at_least=0.99)
    yield Criterion(name="lateral films refused", value=refused(is_lateral), at_least=0.95)
    yield Criterion(name="good films refused", value=refused(is_good), at_most=0.005)


def _not_normal(source: str) -> Which:
    return films_of(source, "tuberculosis", *OTHER_DISEASE)


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
        chosen = [(is_called(reading), film.patient) for film, reading in rows if which(film)]
        return mean_by_patient([called for called, _ in chosen], [patient for _, patient in chosen])

    return value


def _probability(reading: Reading) -> float:
    return reading.probability


def _normal(reading: Reading) -> float:
    return reading.findings["normal"]


def _tuberculosis(reading: Reading) -> float:
    return reading.findings["tuberculosis"]


def _is_positive(reading: Reading) -> bool:
    return reading.verdict is Verdict.POSITIVE
