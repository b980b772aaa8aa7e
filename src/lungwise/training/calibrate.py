"""From scores to probabilities and thresholds, on validation films alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from lungwise.films.collection import LabelledFilm
from lungwise.reading.artefact import Thresholds
from lungwise.reading.findings import FINDING_NAMES

SENSITIVITY = 0.95
"""Of the films below the lower threshold, at most 5 % of all positives are missed."""

SPECIFICITY = 0.95
"""Of the films above the upper threshold, at most 5 % of all negatives are called."""

PRESENT_SPECIFICITY = 0.95
"""Of the adults' films that are known to be without a finding, the share that stays below its threshold: at most 5 % of
the films that are not normal are called normal. COVID-19 has the two thresholds of the verdict."""

REFUSED_SHARE = 0.003
"""Share of the good films of `val`, from every source, that the gate may refuse."""

HIGHEST_GATE = 0.9
"""The gate needs no more: good films have at least 0.98, other pictures at most 0.11 (docs/experiments/0005)."""

_GAPS = 10
_LEAST_SLOPE = 0.01
"""Of the log odds of a network that has learnt nothing."""

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Calibrates log odds: they are divided by the temperature, and the offset is added."""

    temperature: float = 1.0
    offset: float = 0.0


def scaling(logits: Scores, positive: Labels) -> Scaling:
    """Fit the scaling that minimises the log loss (Platt, Advances in Large Margin Classifiers, 1999).

    A temperature alone cannot undo what atypical films and other disease take from the odds of every film.

    Parameters
    ----------
    logits
        (n,) log odds.
    positive
        (n,) truth.
    """
    fitted = LogisticRegression(C=np.inf).fit(logits[:, None], positive)
    slope = max(float(fitted.coef_[0, 0]), _LEAST_SLOPE)
    return Scaling(temperature=1 / slope, offset=float(fitted.intercept_[0]))


def truth_of(film: LabelledFilm) -> dict[str, bool]:
    """What a film's label says of the findings that it calibrates.

    Normal is asked in places that have both kinds of films, COVID-19 and other pneumonia in the one that has both, and
    tuberculosis of adults everywhere: no place has films of it and of others.
    """
    if film.group == "ood" or not film.adult:
        return {}
    truth = {}
    if film.source in ("siim", "nih", "chexpert"):
        truth["normal"] = film.label in ("normal", "negative for pneumonia")
    if film.source == "siim" and film.covid is not None:
        truth["COVID-19"] = film.covid
    if film.source == "nih":
        truth["other pneumonia"] = film.label == "pneumonia"
    if film.tuberculosis is not None:
        truth["tuberculosis"] = film.tuberculosis
    return truth


def finding_thresholds(films: list[LabelledFilm], findings: NDArray[np.float64]) -> dict[str, float]:
    """From which probability each finding but COVID-19 counts as present; 0.5 where no film is without it.

    Parameters
    ----------
    films
        `n` films of `val`.
    findings
        (n, findings) probabilities.
    """
    found = {}
    for name in FINDING_NAMES:
        if name != "COVID-19":
            without = np.array([film.adult and is_without(film, name) for film in films], np.bool_)
            probability = findings[without, FINDING_NAMES.index(name)]
            found[name] = float(np.quantile(probability, PRESENT_SPECIFICITY)) if len(probability) else 0.5
    return found


def is_without(film: LabelledFilm, finding: str) -> bool:
    """Whether a film's label says that a finding is not there, in whatever source.

    "Negative for pneumonia" is neither normal nor not; opacities of unknown cause are neither pneumonia nor not.
    """
    if finding == "normal":
        return film.label not in ("normal", "negative for pneumonia") and film.finding != "No Finding"
    if finding == "tuberculosis":
        return film.label != "tuberculosis"
    return film.label in ("normal", "tuberculosis") or film.covid is True


def gate(upright: Scores) -> float:
    """Return the highest gate that refuses few good films, 0.9 at most.

    Parameters
    ----------
    upright
        (n,) probability of an upright frontal film, of good ones.
    """
    return min(float(np.quantile(upright, REFUSED_SHARE, method="lower")), HIGHEST_GATE)


def thresholds(probability: Scores, positive: Labels, exact: Scores) -> Thresholds:
    """Choose the narrowest uncertain range that keeps sensitivity and specificity at 95 %.

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
