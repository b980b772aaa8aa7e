"""From the table of results to the evaluation: split by split, source by source."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from lungwise import __version__
from lungwise.evaluation import protocol
from lungwise.evaluation.controls import controls
from lungwise.evaluation.criteria import chooses_thresholds, criteria_of
from lungwise.evaluation.leave_one_out import leave_one_out, pooled_features
from lungwise.evaluation.metrics import BINS, RESAMPLES, SEED
from lungwise.evaluation.not_measured import counted, not_measured
from lungwise.evaluation.out_of_distribution import refused_pictures
from lungwise.evaluation.photographs import photographed
from lungwise.evaluation.precision import beside_float
from lungwise.evaluation.probe import source_probe
from lungwise.evaluation.results import EvaluatedFilm, FilmReader, Track, grouped, read_films
from lungwise.evaluation.schema import Evaluation, OperatingPoint, Split
from lungwise.evaluation.sources import Controlled, measure_source
from lungwise.evaluation.subgroups import by_age, by_course, by_view
from lungwise.evaluation.verdicts import operating_point
from lungwise.films.collection import LabelledFilm, read_collection, read_scores

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
