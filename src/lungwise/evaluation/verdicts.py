"""Verdicts against labels: shares, counts, and what one threshold instead of two would give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from lungwise.evaluation import protocol
from lungwise.evaluation.metrics import mean_by_patient, proportion, threshold_at_specificity
from lungwise.evaluation.results import EvaluatedFilm, grouped, labelled_readings
from lungwise.evaluation.schema import Estimate, OperatingPoint, Row
from lungwise.reading import Verdict


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


def _share(verdicts: Sequence[Verdict], verdict: Verdict) -> Estimate | None:
    return proportion([one is verdict for one in verdicts])


def _present(estimates: dict[str, Estimate | None]) -> dict[str, Estimate]:
    return {name: estimate for name, estimate in estimates.items() if estimate is not None}
