"""The shipped int8 model beside the float32 one that it was made from, on the same films."""

from __future__ import annotations

from collections.abc import Sequence

from lungwise.evaluation.metrics import auc, auc_lost, proportion
from lungwise.evaluation.protocol import CONTROLLED
from lungwise.evaluation.results import EvaluatedFilm, contrast, has_both_sides
from lungwise.evaluation.schema import Estimate, Precision
from lungwise.films import Refusal
from lungwise.reading import Reading, Verdict


def beside_float(results: Sequence[EvaluatedFilm], exact: Sequence[EvaluatedFilm]) -> Precision | None:
    """Compare two models' results on the same films in the same order; None of no films."""
    flipped = proportion(
        [_verdict(one.outcome) != _verdict(other.outcome) for one, other in zip(results, exact, strict=True)]
    )
    if flipped is None:
        return None
    both = [(one, other) for one, other in zip(results, exact, strict=True) if one.reading and other.reading]
    changes = [abs(a.reading.probability - b.reading.probability) for a, b in both if a.reading and b.reading]
    of_task = [(a, b) for a, b in both if a.film.source == CONTROLLED.source]
    int8, float32 = [a for a, _ in of_task], [b for _, b in of_task]
    has_task = has_both_sides(int8, CONTROLLED)
    return {
        "films": len(results),
        "flipped": flipped,
        "largest_change": round(max(changes, default=0.0), 6),
        "task": CONTROLLED.name if has_task else None,
        "auc": auc(contrast(int8, CONTROLLED)) if has_task else None,
        "float_auc": auc(contrast(float32, CONTROLLED)) if has_task else None,
        "lost": auc_lost(contrast(float32, CONTROLLED), contrast(int8, CONTROLLED)) if has_task else None,
        "sensitivity": _sensitivity([a for a, _ in both]),
        "float_sensitivity": _sensitivity([b for _, b in both]),
    }


def _verdict(outcome: Reading | Refusal) -> str:
    return outcome.verdict if isinstance(outcome, Reading) else "refused"


def _sensitivity(results: Sequence[EvaluatedFilm]) -> Estimate | None:
    """Over all films with COVID-19 of the split."""
    return proportion([r.reading.verdict is Verdict.POSITIVE for r in results if r.reading and r.film.covid])
