"""From the table of results to the evaluation: split by split, source by source."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np

from lungwise import __version__
from lungwise.evaluation import protocol
from lungwise.evaluation.controls import controls
from lungwise.evaluation.criteria import chooses_thresholds, criteria_of
from lungwise.evaluation.leave_one_out import leave_one_out, pooled_features
from lungwise.evaluation.localisation import covered, energy_inside, points_inside
from lungwise.evaluation.metrics import (
    BINS,
    RESAMPLES,
    SEED,
    auc,
    calibration,
    mean,
    mean_by_patient,
    proportion,
    threshold_at_specificity,
)
from lungwise.evaluation.not_measured import counted, not_measured
from lungwise.evaluation.out_of_distribution import refused_pictures
from lungwise.evaluation.photographs import photographed
from lungwise.evaluation.precision import beside_float
from lungwise.evaluation.probe import source_probe
from lungwise.evaluation.results import (
    EvaluatedFilm,
    FilmReader,
    Track,
    contrast,
    grouped,
    has_both_sides,
    labelled_readings,
    read_films,
)
from lungwise.evaluation.schema import (
    Calibration,
    Control,
    Estimate,
    Evaluation,
    Localisation,
    OperatingPoint,
    Refusals,
    Row,
    Source,
    Split,
    Subgroup,
    Task,
)
from lungwise.films import Refusal
from lungwise.films.collection import LabelledFilm, read_collection, read_scores
from lungwise.reading import Verdict

METHODS = {
    "AUC": f"area under the ROC curve; 95 % interval from {RESAMPLES} resamples of patients, seed {SEED}",
    "shares": "95 % Wilson interval over films; films of one patient count as independent, but where a table says that "
    "each patient counts once, with the share of their films, and patients are resampled",
    "uncertain": "an uncertain film counts against sensitivity and against specificity",
    "refused": "refused films are counted apart and are in no other number",
    "left out": "of test and external, patients a picture of whom is in train too, under another name; of all splits, "
    "films whose same picture is labelled otherwise",
    "calibration": f"expected calibration error in {BINS} bins of equal mass, over films whose label is COVID-19 or "
    "not; in a source of one class it is the mean distance of the probability from the label; 95 % interval from "
    "resampling patients",
    "pointing game": "the heat map's highest cell lies in a radiologist's box; only films with boxes",
    "energy inside": "share of the heat map's sum inside the boxes; 95 % interval from resampling patients",
}
"""How each number is made, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What is measured besides; each takes its time.

    Parameters
    ----------
    exact
        The float32 model, to hold the int8 one against.
    pictures
        A folder of pictures that are not chest films.
    photographs
        Whether the controlled question is asked again on synthetic photographs: about a second a film.
    leave_one_out
        Whether a light head is refitted without each source with both classes in turn.
    """

    exact: FilmReader | None = None
    pictures: Path | None = None
    photographs: bool = False
    leave_one_out: bool = False


def evaluate(
    reader: FilmReader,
    films_csv: Path,
    splits: Sequence[str],
    command: str,
    track: Track,
    extras: Extras = Extras(),
) -> tuple[list[EvaluatedFilm], Evaluation]:
    """Read the films of some splits and measure.

    Parameters
    ----------
    reader
        A `lungwise.reading.Reader`.
    films_csv
        The table of labelled films; lung masks for the controls lie in `lungs` beside it.
    splits
        Names of the splits to report. The operating point's films are read besides.
    command
        What produced the numbers, as a person would type it.
    track
        Shows progress.

    Raises
    ------
    OSError, ValueError
        If the table or a film cannot be opened, or a row cannot be understood.
    """
    collection = read_collection(films_csv)
    left_out = not_measured(collection, track)
    collection = [film for film in collection if film not in left_out]
    whole = set(protocol.DEFAULT_SPLITS) <= set(splits)
    films = [film for film in collection if film.split in splits or _chooses(film, whole)]
    results = read_films(reader, films, track)
    reported = [r for r in results if r.film.split in splits]
    point = operating_point(results)
    measured = _measured_splits(reader, reported, point, films_csv.parent / "lungs", track, splits, extras)
    brixia = read_scores(films_csv.parent / "brixia.csv", "s-global")
    features = pooled_features(reader.artefact.onnx) if extras.leave_one_out else None
    return reported, {
        "date": date.today().isoformat(),
        "command": command,
        "lungwise": __version__,
        "card": asdict(reader.artefact.card),
        "films_sha256": hashlib.sha256(films_csv.read_bytes()).hexdigest(),
        "methods": METHODS,
        "operating_point": point,
        "splits": measured,
        "not_measured": counted(left_out, splits),
        "others": refused_pictures(reader, extras.pictures, track) if extras.pictures else None,
        "criteria": criteria_of(results, brixia, measured) if whole else [],
        "left_out": leave_one_out(collection, features, track) if features else [],
    }


def _measured_splits(
    reader: FilmReader,
    reported: Sequence[EvaluatedFilm],
    point: OperatingPoint | None,
    lungs: Path,
    track: Track,
    names: Sequence[str],
    extras: Extras,
) -> list[Split]:
    """Each split that has films, in the order of the names, with what is measured besides."""
    by_split = grouped(reported, lambda film: film.split)
    exact = read_films(extras.exact, [r.film for r in reported], track) if extras.exact else []
    exact_by_split = grouped(exact, lambda film: film.split)

    def split(name: str) -> Split:
        rows = by_split[name]
        controlled_films = [r for r in rows if r.film.source == protocol.CONTROLLED.source]
        return {
            **measure_split(name, rows, point, lambda some: controls(reader, some, lungs, track)),
            "photographs": photographed(reader, controlled_films, track) if extras.photographs else None,
            "source_probe": source_probe(rows),
            "precision": beside_float(rows, exact_by_split[name]) if extras.exact else None,
        }

    return [split(name) for name in names if name in by_split]


def _chooses(film: LabelledFilm, whole: bool) -> bool:
    """Whether a threshold of the evaluation is chosen on the film."""
    return chooses_thresholds(film) if whole else protocol.chooses_operating_point(film)


Controlled = Callable[[Sequence[EvaluatedFilm]], list[Control]]
"""Asks one source's questions again of films from which what should decide has been taken."""


def measure_split(
    name: str, results: Sequence[EvaluatedFilm], point: OperatingPoint | None, controlled: Controlled
) -> Split:
    """Every number of one split."""
    by_source = grouped(results, lambda film: protocol.reported_as(film.source))
    return {
        "split": name,
        "sources": [measure_source(source, rows, point, controlled) for source, rows in sorted(by_source.items())],
        "subgroups": [*by_view(by_source), *by_age(results), *by_course(by_source)],
    }


def measure_source(
    source: str, results: Sequence[EvaluatedFilm], point: OperatingPoint | None, controlled: Controlled
) -> Source:
    """Every number of one source."""
    named = not any(r.film.path.as_posix().endswith(r.film.patient) for r in results)
    return {
        "source": source,
        "group": results[0].film.group,
        "films": len(results),
        "patients": len({r.film.patient for r in results}) if named else None,
        "refusals": refusals(results),
        "verdicts": verdicts(results),
        "verdicts_by_patient": verdicts_by_patient(results),
        "at_operating_point": at_operating_point(results, point),
        "confusion": confusion(results),
        "tasks": [task(results, q) for q in protocol.QUESTIONS if q.source == source and has_both_sides(results, q)],
        "controls": controlled(results),
        "calibration": calibrated(results),
        "localisation": localised(results),
    }


def operating_point(results: Iterable[EvaluatedFilm]) -> OperatingPoint | None:
    """The threshold of the wanted specificity on the films that choose it; None without such films."""
    rows = [r.reading.probability for r in results if r.reading and protocol.chooses_operating_point(r.film)]
    if not rows:
        return None
    chosen_on = f"{protocol.CONTROLLED.source} {protocol.OPERATING_SPLIT}, {' and '.join(protocol.CONTROLLED.negative)}"
    return {
        "threshold": threshold_at_specificity(np.array(rows), protocol.OPERATING_SPECIFICITY),
        "specificity": protocol.OPERATING_SPECIFICITY,
        "chosen_on": chosen_on,
        "films": len(rows),
    }


def refusals(results: Sequence[EvaluatedFilm]) -> Refusals:
    """Share refused, and by which code."""
    codes = Counter(r.outcome.code for r in results if isinstance(r.outcome, Refusal))
    share = proportion([r.reading is None for r in results])
    if share is None:
        raise ValueError("A source without films has no refusals to count.")
    return {"share": share, "codes": dict(sorted(codes.items()))}


def verdicts(results: Iterable[EvaluatedFilm]) -> dict[str, Estimate]:
    """Shares at the shipped thresholds, of films whose label is COVID-19 or not."""
    known = labelled_readings(results)
    ill = [reading.verdict for covid, reading in known if covid]
    well = [reading.verdict for covid, reading in known if not covid]
    decided_ill, decided_well = ([v for v in side if v is not Verdict.UNCERTAIN] for side in (ill, well))
    return _present(
        {
            "sensitivity": _share(ill, Verdict.POSITIVE),
            "missed": _share(ill, Verdict.NEGATIVE),
            "specificity": _share(well, Verdict.NEGATIVE),
            "false alarms": _share(well, Verdict.POSITIVE),
            "uncertain": _share([*ill, *well], Verdict.UNCERTAIN),
            "decided sensitivity": _share(decided_ill, Verdict.POSITIVE),
            "decided specificity": _share(decided_well, Verdict.NEGATIVE),
        }
    )


def verdicts_by_patient(results: Iterable[EvaluatedFilm]) -> dict[str, Estimate]:
    """The sure ones of `verdicts`, where each patient counts once, with the share of their films."""
    read = [(r.film.patient, r.film.covid, r.reading.verdict) for r in results if r.reading]

    def share(verdict: Verdict, *, covid: bool) -> Estimate | None:
        side = [(patient, said) for patient, label, said in read if label is covid]
        return mean_by_patient([said is verdict for _, said in side], [patient for patient, _ in side])

    return _present(
        {
            "sensitivity": share(Verdict.POSITIVE, covid=True),
            "missed": share(Verdict.NEGATIVE, covid=True),
            "specificity": share(Verdict.NEGATIVE, covid=False),
            "false alarms": share(Verdict.POSITIVE, covid=False),
        }
    )


def at_operating_point(results: Iterable[EvaluatedFilm], point: OperatingPoint | None) -> dict[str, Estimate]:
    """Sensitivity and specificity at one threshold instead of two; nothing without a threshold."""
    if point is None:
        return {}
    called = [(covid, reading.probability > point["threshold"]) for covid, reading in labelled_readings(results)]
    return _present(
        {
            "sensitivity": proportion([above for covid, above in called if covid]),
            "specificity": proportion([not above for covid, above in called if not covid]),
        }
    )


def confusion(results: Iterable[EvaluatedFilm]) -> list[Row]:
    """Verdict against label, label by label."""
    return [_row(label, rows) for label, rows in sorted(grouped(results, lambda film: film.label).items())]


def _row(label: str, results: Sequence[EvaluatedFilm]) -> Row:
    found = [r.reading.verdict for r in results if r.reading]
    return {
        "label": label,
        "negative": found.count(Verdict.NEGATIVE),
        "uncertain": found.count(Verdict.UNCERTAIN),
        "positive": found.count(Verdict.POSITIVE),
        "refused": len(results) - len(found),
        "called_positive": _share(found, Verdict.POSITIVE),
        "called_uncertain": _share(found, Verdict.UNCERTAIN),
        "called_normal": proportion([r.reading.normal.called for r in results if r.reading]),
        "called_tuberculosis": proportion(["tuberculosis" in r.reading.raised for r in results if r.reading]),
    }


def task(results: Sequence[EvaluatedFilm], question: protocol.Question) -> Task:
    """One question's AUC.

    Raises
    ------
    MixedSourcesError
        If the films come from more than one source.
    ValueError
        If one side is empty.
    """
    sides = contrast(results, question)
    return {
        "task": question.name,
        "score": question.score,
        "positives": int(sides.positive.sum()),
        "negatives": int((~sides.positive).sum()),
        "patients": len(set(sides.patient.tolist())),
        "auc": auc(sides),
    }


def calibrated(results: Iterable[EvaluatedFilm]) -> Calibration | None:
    """Calibration over films whose label is COVID-19 or not; None without such films."""
    known = [(r.film, r.reading) for r in results if r.reading and r.film.covid is not None]
    if not known:
        return None
    return calibration(
        np.array([reading.probability for _, reading in known]),
        np.array([film.covid for film, _ in known]),
        np.array([film.patient for film, _ in known], np.str_),
    )


def localised(results: Iterable[EvaluatedFilm]) -> Localisation | None:
    """The heat map against the boxes; None without films with boxes."""
    rows = [(r.film, r.reading) for r in results if r.reading and r.film.boxes]
    pointing = proportion([points_inside(reading.hot_spot, film.boxes) for film, reading in rows])
    if pointing is None:
        return None
    energy = np.array([energy_inside(reading.heat_map, film.boxes) for film, reading in rows])
    area = [covered(film.boxes, reading.heat_map.shape).mean() for film, reading in rows]
    return {
        "films": len(rows),
        "pointing_game": pointing,
        "energy_inside": mean(energy, np.array([film.patient for film, _ in rows])),
        "box_area": round(float(np.mean(area)), 6),
    }


def by_view(by_source: dict[str, list[EvaluatedFilm]]) -> list[Subgroup]:
    """PA and AP films of each source that says which is which and has COVID-19 labels."""
    found = []
    for source, results in sorted(by_source.items()):
        for view in ("PA", "AP"):
            rows = [r for r in results if r.film.projection == view]
            found += _subgroup(source, f"view {view}", rows)
    return found


def by_age(results: Sequence[EvaluatedFilm]) -> list[Subgroup]:
    """False alarms of adults and of children, label by label, over the sources without positives.

    Shares alone: across sources there is no AUC.
    """
    negatives = [r for r in results if r.film.group == "negative-only"]
    found = []
    for label in sorted({r.film.label for r in negatives}):
        for name, adult in (("adults", True), ("children", False)):
            rows = [r for r in negatives if r.film.label == label and r.film.adult is adult]
            found += _subgroup("negative-only sources", f"{label}, {name}", rows)
    return found


def by_course(by_source: dict[str, list[EvaluatedFilm]]) -> list[Subgroup]:
    """Films by days since admission, and by intensive care, of each source that says so and has COVID-19 labels."""
    found = []
    for source, results in sorted(by_source.items()):
        for first, last, name in _DAYS:
            rows = [r for r in results if r.film.days is not None and first <= r.film.days <= last]
            found += _subgroup(source, f"days {name}", rows)
        for icu, name in ((True, "intensive care"), (False, "no intensive care")):
            found += _subgroup(source, name, [r for r in results if r.film.icu is icu])
    return found


_DAYS = ((0, 1, "0-1"), (2, 6, "2-6"), (7, 13, "7-13"), (14, 10_000, "14 and later"))


def _subgroup(source: str, name: str, results: Sequence[EvaluatedFilm]) -> list[Subgroup]:
    shares = verdicts(results)
    if not shares:
        return []
    questions = [q for q in protocol.QUESTIONS if q.source == source and q.score == protocol.PROBABILITY]
    areas = [task(results, q)["auc"] for q in questions if has_both_sides(results, q)]
    return [
        {
            "source": source,
            "subgroup": name,
            "films": len(results),
            "verdicts": shares,
            "auc": areas[0] if areas else None,
        }
    ]


def _share(verdicts: Sequence[Verdict], verdict: Verdict) -> Estimate | None:
    return proportion([one is verdict for one in verdicts])


def _present(estimates: dict[str, Estimate | None]) -> dict[str, Estimate]:
    return {name: estimate for name, estimate in estimates.items() if estimate is not None}
