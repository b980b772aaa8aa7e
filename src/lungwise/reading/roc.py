"""The area under the ROC curve of films that count once or for more: for evaluating a model, and at a clinic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def areas(score: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return (resamples,) of `weights` (resamples, n); NaN where one kind has no weight. Equal scores count half."""
    order = np.argsort(score, kind="stable")
    score, positive, weights = score[order], positive[order], weights[:, order]
    starts = np.flatnonzero(np.append(True, np.diff(score) > 0))
    ill = np.add.reduceat(weights * positive, starts, axis=1)
    well = np.add.reduceat(weights * ~positive, starts, axis=1)
    below = np.cumsum(well, axis=1) - well / 2
    pairs = ill.sum(1) * well.sum(1)
    found: Floats = np.divide((ill * below).sum(1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
    return found
