"""Numbers from tables of labels and scores, with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungwise.evaluation.schema import Bin, Calibration, Estimate
from lungwise.reading.intervals import wilson_interval
from lungwise.reading.roc import areas

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RESAMPLES = 1000
SEED = 2020
BINS = 10
_TAILS = (2.5, 97.5)


class MixedSourcesError(ValueError):
    """An AUC was asked for across sources: it would measure the source, not the disease."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Contrast:
    """Films of one source, some positive and some negative, each with a score; all that an AUC takes.

    Parameters
    ----------
    source, patient
        (n,) names, film by film.
    positive
        (n,) whether the film shows what is asked for.
    score
        (n,) higher where the model finds it likelier.

    Raises
    ------
    MixedSourcesError
        If the films come from more than one source.
    ValueError
        If all films are positive or all negative.
    """

    source: NDArray[np.str_]
    patient: NDArray[np.str_]
    positive: Flags
    score: Floats

    def __post_init__(self) -> None:
        sources = sorted(set(self.source.tolist()))
        if len(sources) > 1:
            raise MixedSourcesError(
                f"An AUC compares films of one source; across {', '.join(sources)} it would measure the source."
            )
        if self.positive.all() or not self.positive.any():
            raise ValueError(
                f"An AUC needs positive and negative films; {' '.join(sources) or 'nothing'} has one sort."
            )


def proportion(flags: Sequence[bool] | Flags) -> Estimate | None:
    """Share of true flags with its Wilson interval; None of nothing. Films count as independent."""
    if not len(flags):
        return None
    count = int(np.sum(flags))
    return _estimate(count / len(flags), *wilson_interval(count, len(flags)), len(flags))


def auc(contrast: Contrast) -> Estimate:
    """Area under the ROC curve, its interval from resampling patients."""
    resampled = _auc_of(contrast, resample_patients(contrast.patient))
    value = float(_auc_of(contrast, np.ones((1, len(contrast.score))))[0])
    return with_tails(value, resampled, len(contrast.score))


def auc_lost(before: Contrast, after: Contrast) -> Estimate:
    """AUC before less AUC after, of the same films in the same order, its interval from resampling their patients.

    Raises
    ------
    ValueError
        If the films are not the same.
    """
    if not (np.array_equal(before.patient, after.patient) and np.array_equal(before.positive, after.positive)):
        raise ValueError("A paired difference needs the same films on both sides.")
    weights, once = resample_patients(before.patient), np.ones((1, len(before.score)))
    value = float(_auc_of(before, once)[0] - _auc_of(after, once)[0])
    return with_tails(value, _auc_of(before, weights) - _auc_of(after, weights), len(before.score))


def mean(values: Floats, patient: NDArray[np.str_]) -> Estimate:
    """Mean of a value per film, its interval from resampling patients."""
    weights = resample_patients(patient)
    return with_tails(float(values.mean()), weights @ values / weights.sum(1), len(values))


def mean_by_patient(flags: Sequence[bool] | Flags, patient: Sequence[str]) -> Estimate | None:
    """Mean over patients of the share of their films that are flagged, its interval from resampling patients."""
    if not len(flags):
        return None
    names, index = np.unique(np.asarray(patient, np.str_), return_inverse=True)
    shares = np.bincount(index, np.asarray(flags, np.float64)) / np.bincount(index)
    return mean(shares, names)


def rank_correlation(a: Floats, b: Floats, patient: NDArray[np.str_]) -> Estimate:
    """Spearman's correlation of two values per film, its interval from resampling patients.

    Parameters
    ----------
    a, b, patient
        (n,) each, film by film.
    """
    value = float(_rank_correlations(a, b, np.ones((1, len(a))))[0])
    return with_tails(value, _rank_correlations(a, b, resample_patients(patient)), len(a))


def roc(contrast: Contrast, grid: Floats) -> tuple[Floats, Floats, Floats]:
    """Sensitivity at each false positive rate of `grid`, with its interval: value, lower, upper."""
    curve = _roc_of(contrast, np.ones((1, len(contrast.score))), grid)[0]
    lower, upper = np.nanpercentile(_roc_of(contrast, resample_patients(contrast.patient), grid), _TAILS, axis=0)
    return curve, lower, upper


def resample_patients(patient: NDArray[np.str_]) -> Floats:
    """How often each film is drawn when its patients are drawn with replacement: (`RESAMPLES`, n)."""
    index = np.unique(patient, return_inverse=True)[1]
    patients = int(index.max()) + 1
    times = np.random.default_rng(SEED).multinomial(patients, np.full(patients, 1 / patients), size=RESAMPLES)
    return times[:, index].astype(np.float64)


def threshold_at_specificity(negative_scores: Floats, specificity: float) -> float:
    """The lowest score of a negative film with at least this share at or below it; above it is positive."""
    return float(np.quantile(negative_scores, specificity, method="inverted_cdf"))


def calibration(probability: Floats, positive: Flags, patient: NDArray[np.str_]) -> Calibration:
    """Expected calibration error in bins of equal mass, with what chance alone would leave.

    Naeini, Cooper, Hauskrecht, AAAI 2015. Films of one probability share a bin. The interval is from resampling
    patients.
    """
    member = _bins_of(probability)
    once = np.ones((1, len(probability)))
    lower, upper = np.percentile(_ece(probability, positive, member, resample_patients(patient)), _TAILS)
    perfect = np.random.default_rng(SEED).random((RESAMPLES, len(probability))) < probability
    return {
        "films": len(probability),
        "ece": round(float(_ece(probability, positive, member, once)[0]), 6),
        "ece_interval": [round(float(lower), 6), round(float(upper), 6)],
        "ece_if_perfect": round(float(np.percentile(_ece(probability, perfect, member, once), 95)), 6),
        "bins": [_bin(probability[m], positive[m]) for m in member.T.astype(bool)],
    }


def _bins_of(probability: Floats) -> Floats:
    """(n, bins): 1 where the film is in the bin; empty bins are left out."""
    edges = np.quantile(probability, np.arange(1, BINS) / BINS)
    index = np.searchsorted(edges, probability, side="right")
    member: Floats = np.eye(BINS)[index][:, np.unique(index)]
    return member


def _ece(probability: Floats, positive: Flags, member: Floats, weights: Floats) -> Floats:
    """(m,) of m labellings of the films, or of m weights for each: (m or 1, n)."""
    gaps: Floats = np.abs((weights * (positive - probability)) @ member).sum(1) / weights.sum(1)
    return gaps


def _bin(probability: Floats, positive: Flags) -> Bin:
    return {
        "films": len(probability),
        "probability": round(float(probability.mean()), 6),
        "observed": round(float(positive.mean()), 6),
    }


def _cumulated(contrast: Contrast, weights: Floats) -> tuple[Floats, Floats]:
    """Weight of the positive and of the negative films at each score or above: (resamples, scores + 1)."""
    order = np.argsort(-contrast.score, kind="stable")
    score, positive = contrast.score[order], contrast.positive[order]
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    ordered = weights[:, order]
    start = np.zeros((len(weights), 1))
    found, false = (np.hstack([start, np.cumsum(ordered * kind, 1)[:, ends]]) for kind in (positive, ~positive))
    return found, false


def _rank_correlations(a: Floats, b: Floats, weights: Floats) -> Floats:
    """(resamples,); NaN where a resample drew films of one value only."""
    total = weights.sum(1, keepdims=True)
    centred = [
        ranks - (weights * ranks).sum(1, keepdims=True) / total for ranks in (_ranks(a, weights), _ranks(b, weights))
    ]
    covariance = (weights * centred[0] * centred[1]).sum(1)
    spread = np.sqrt((weights * centred[0] ** 2).sum(1) * (weights * centred[1] ** 2).sum(1))
    correlations: Floats = np.divide(covariance, spread, out=np.full(len(weights), np.nan), where=spread > 0)
    return correlations


def _ranks(values: Floats, weights: Floats) -> Floats:
    """(resamples, n): the mean rank of each value where each film is there as often as its weight says."""
    below = weights @ (values[:, None] < values)
    ranks: Floats = below + (weights @ (values[:, None] == values) + 1) / 2
    return ranks


def _auc_of(contrast: Contrast, weights: Floats) -> Floats:
    """(resamples,); NaN where a resample drew one class only."""
    return areas(contrast.score, contrast.positive, weights)


def _roc_of(contrast: Contrast, weights: Floats, grid: Floats) -> Floats:
    """(resamples, grid): the highest sensitivity at each false positive rate."""
    found, false = _cumulated(contrast, weights)
    both = (found[:, -1] > 0) & (false[:, -1] > 0)
    rates = zip(false[both] / false[both, -1:], found[both] / found[both, -1:], strict=True)
    return np.stack([tpr[np.searchsorted(fpr, grid + 1e-12, side="right") - 1] for fpr, tpr in rates])


def with_tails(value: float, resampled: Floats, of: int) -> Estimate:
    """A value with the 95 % interval of its resamples."""
    lower, upper = np.nanpercentile(resampled, _TAILS)
    return _estimate(value, float(lower), float(upper), of)


def _estimate(value: float, lower: float, upper: float, of: int) -> Estimate:
    """Rounded, so that the document can be read and compared."""
    return {"value": round(value, 6), "lower": round(lower, 6), "upper": round(upper, 6), "of": of}
