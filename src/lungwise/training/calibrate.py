"""From scores to probabilities and thresholds, on validation films alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungwise.reading.artefact import Thresholds

SENSITIVITY = 0.95
"""Of the films below the lower threshold, at most 5 % of all positives are missed."""

SPECIFICITY = 0.95
"""Of the films above the upper threshold, at most 5 % of all negatives are called."""

_GAPS = 10

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]


def temperature(logits: Scores, positive: Labels) -> float:
    """Fit the temperature that minimises the log loss (Guo et al., ICML 2017).

    Parameters
    ----------
    logits
        (n,) log odds.
    positive
        (n,) truth.
    """
    candidates = np.geomspace(0.2, 5.0, 400)
    return float(candidates[np.argmin([_log_loss(logits / t, positive) for t in candidates])])


def thresholds(probability: Scores, positive: Labels, exact: Scores) -> Thresholds:
    """The widest verdicts that keep sensitivity and specificity at 95 %.

    `lower` is among the highest thresholds with a sensitivity of at least 95 %, `upper` among
    the lowest with a specificity of at least 95 %: of the ten gaps between films that come
    first, one that rounding carries the fewest films across, and of those the widest. Where the
    classes part so well that the two cross, both are the same and nothing is uncertain.

    Parameters
    ----------
    probability, positive
        (n,) of the network as it is shipped, and the truth.
    exact
        (n,) of the same network before it was rounded to int8.
    """
    edges = np.concatenate([[0.0], np.unique(probability), [1.0]])
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    sensitivity = (probability[positive] >= middles[:, None]).mean(1)
    specificity = (probability[~positive] < middles[:, None]).mean(1)
    crossed = ((probability < middles[:, None]) != (exact < middles[:, None])).sum(1)
    best = np.lexsort((-widths, crossed)).argsort()
    lowers = np.flatnonzero(sensitivity >= SENSITIVITY)[-_GAPS:]
    uppers = np.flatnonzero(specificity >= SPECIFICITY)[:_GAPS]
    lower, upper = (float(middles[fitting[best[fitting].argmin()]]) for fitting in (lowers, uppers))
    return Thresholds(lower=min(lower, upper), upper=upper)


def _log_loss(logits: Scores, positive: Labels) -> float:
    return float(np.logaddexp(0, np.where(positive, -logits, logits)).mean())
