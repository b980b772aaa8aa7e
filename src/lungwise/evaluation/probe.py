"""Whether the source can be told from what the model gives: a linear probe, cross-validated by patient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lungwise.evaluation.metrics import RESAMPLES, SEED, with_tails
from lungwise.evaluation.protocol import reported_as
from lungwise.evaluation.results import EvaluatedFilm
from lungwise.evaluation.schema import Estimate, SourceProbe
from lungwise.reading import Reading

_WELL = ("normal", "negative for pneumonia")
"""Films without disease alone: else the probe would tell diseases, not sources."""

_FOLDS = 5
Names = NDArray[np.str_]
_FEWEST = 20


def source_probe(results: Sequence[EvaluatedFilm]) -> SourceProbe | None:
    """Tell the source of films without disease from appearance, findings and heat map.

    A source counts with at least 20 such films; None of fewer than two sources.
    """
    rows = [(r.film, r.reading) for r in results if r.reading and r.film.label in _WELL and r.film.adult]
    names = np.array([reported_as(film.source) for film, _ in rows], np.str_)
    sources = [name for name in sorted(set(names.tolist())) if (names == name).sum() >= _FEWEST]
    kept = np.isin(names, sources)
    if len(sources) < 2:
        return None
    features = np.stack([_features(reading) for _, reading in rows])[kept]
    patient = np.array([film.patient for film, _ in rows], np.str_)[kept]
    right = _predicted_sources(features, names[kept], patient) == names[kept]
    return {
        "sources": sources,
        "films": int(kept.sum()),
        "accuracy": _balanced(right, names[kept], sources),
        "by_chance": round(1 / len(sources), 6),
    }


def _features(reading: Reading) -> NDArray[np.float64]:
    named = [*reading.appearance.values(), *reading.findings.values()]
    return np.concatenate([np.array(named), reading.heat_map.ravel()]).astype(np.float64)


def _predicted_sources(features: NDArray[np.float64], source: Names, patient: Names) -> Names:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=SEED)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced"))
    predicted: Names = cross_val_predict(probe, features, source, groups=patient, cv=folds)
    return predicted


def _balanced(right: NDArray[np.bool_], names: Names, sources: list[str]) -> Estimate:
    rng = np.random.default_rng(SEED)
    each = [right[names == name] for name in sources]
    resampled = np.mean([rng.binomial(len(one), one.mean(), RESAMPLES) / len(one) for one in each], axis=0)
    return with_tails(float(np.mean([one.mean() for one in each])), resampled, len(right))
