"""The numbers of one source: its refusals, verdicts, questions, calibration and heat maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lungwise.evaluation import protocol
from lungwise.evaluation.localisation import covered, energy_inside, points_inside
from lungwise.evaluation.metrics import auc, calibration, mean, proportion
from lungwise.evaluation.results import EvaluatedFilm, contrast, has_both_sides
from lungwise.evaluation.schema import Calibration, Control, Localisation, OperatingPoint, Refusals, Source, Task
from lungwise.evaluation.verdicts import at_operating_point, confusion, verdicts, verdicts_by_patient
from lungwise.films import Refusal

Controlled = Callable[[Sequence[EvaluatedFilm]], list[Control]]
"""Asks one source's questions again of films from which what should decide has been taken."""


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


def refusals(results: Sequence[EvaluatedFilm]) -> Refusals:
    """Share refused, and by which code."""
    codes = Counter(r.outcome.code for r in results if isinstance(r.outcome, Refusal))
    share = proportion([r.reading is None for r in results])
    if share is None:
        raise ValueError("A source without films has no refusals to count.")
    return {"share": share, "codes": dict(sorted(codes.items()))}


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
