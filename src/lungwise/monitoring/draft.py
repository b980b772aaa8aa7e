"""What is proposed for a clinic, fitted on its older months, and what came of it on the newer ones.

Thresholds that were fitted on films look better on the same films than on others. So the newest months are kept out of
the fit wherever the older ones suffice for it, and judge it. Where they do not, all films are fitted, and nothing is
judged yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import numpy as np

from lungwise.monitoring.local_accuracy import Accuracy, Measure, accuracy
from lungwise.monitoring.proposal import Hindrance, Proposal, Recalibration, propose
from lungwise.monitoring.verified import Floats, ReadFilms, VerifiedFilms, verified
from lungwise.reading.artefact import Thresholds
from lungwise.reading.own_thresholds import FindingThresholds, OwnThresholds, ThresholdsError
from lungwise.reading.pattern import COVID

FEWEST_JUDGED = 10
"""So many positives and as many negatives must be left in the newer months, to judge by."""
MOVABLE = (COVID, "tuberculosis", "other pneumonia")
"""Findings whose thresholds a clinic may move. When a film is called normal stays as it is."""
MONTH_DAYS = 30
"""Days of the worklist that is simulated."""
Fit = Callable[[ReadFilms], Proposal | Hindrance]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How good thresholds are on films.

    Parameters
    ----------
    positives, negatives
        The verified films with the finding, and without.
    sensitivity, specificity
        As in `Accuracy`; None where there are no such films.
    """

    positives: int
    negatives: int
    sensitivity: Measure | None
    specificity: Measure | None

    @classmethod
    def of(cls, found: Accuracy) -> Judged:
        """Take what the page shows of an accuracy."""
        return cls(
            positives=found.positives,
            negatives=found.negatives,
            sensitivity=found.sensitivity,
            specificity=found.specificity,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What the last month's studies are called now, and would be: negative, uncertain, positive."""

    now: tuple[int, int, int]
    then: tuple[int, int, int]
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a draft when it is proposed.

    Parameters
    ----------
    fitted
        On the films that it was fitted on, by the draft.
    since
        From which day on films judge it, ISO 8601; None where none do yet.
    now, then
        On the newer films, by the thresholds in force and by the draft.
    """

    fitted: Judged
    since: str | None
    now: Judged | None
    then: Judged | None
    month: Month

    def as_stored(self) -> dict[str, Any]:
        """Return what the database keeps with a proposal."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Thresholds that could be proposed, and what is known of them."""

    wanted: FindingThresholds
    evidence: Evidence


def draft(
    finding: str, films: ReadFilms, month: Floats, shipped: Thresholds, own: OwnThresholds | None
) -> Draft | Hindrance:
    """Draft thresholds of a finding, or say why not.

    Parameters
    ----------
    films
        Of the clinic, one of each patient, with the model's own probabilities.
    month
        (n,) such probabilities of the last month's studies.
    shipped
        The thresholds that the model comes with.
    own
        Those in force.
    """
    fit = partial(propose, now=of_model(finding, shipped, own), one_threshold=finding != COVID)
    since, found = _fitted(films, fit)
    if isinstance(found, Hindrance):
        return found
    try:
        wanted = _wanted(finding, found)
    except ThresholdsError:
        return Hindrance.OUT_OF_BOUNDS
    now, then = in_force(finding, shipped, own), proposal_of(wanted)
    older = films if since is None else films.only(films.day < since)
    newer = None if since is None else verified(films.only(films.day >= since))
    return Draft(
        wanted=wanted,
        evidence=Evidence(
            fitted=_judged(verified(older), then),
            since=None if since is None else date.fromordinal(since).isoformat(),
            now=_judged(newer, now) if newer else None,
            then=_judged(newer, then) if newer else None,
            month=simulated(month, now, then),
        ),
    )


def in_force(finding: str, shipped: Thresholds, own: OwnThresholds | None) -> Proposal:
    """Return a finding's thresholds and calibration as they are in force."""
    mine = own.of(finding) if own else None
    return proposal_of(mine) if mine else Proposal(thresholds=shipped, recalibration=Recalibration())


def of_model(finding: str, shipped: Thresholds, own: OwnThresholds | None) -> Thresholds:
    """Return a finding's thresholds in force, of the probability that the model gives."""
    mine = own.of(finding) if own else None
    return Thresholds(lower=mine.of_model(mine.lower), upper=mine.of_model(mine.upper)) if mine else shipped


def proposal_of(one: FindingThresholds) -> Proposal:
    """Return thresholds as what is done to the model's probabilities."""
    return Proposal(thresholds=one.thresholds, recalibration=Recalibration(offset=one.offset, slope=one.slope))


def simulated(month: Floats, now: Proposal, then: Proposal) -> Month:
    """Count what studies are called, and would be."""
    before, after = _levels(month, now), _levels(month, then)
    return Month(now=_counts(before), then=_counts(after), changed=int((before != after).sum()))


def _fitted(films: ReadFilms, fit: Fit) -> tuple[int | None, Proposal | Hindrance]:
    """Fit the older months if they suffice, else all films."""
    for since in _months(films):
        older, newer = films.only(films.day < since), verified(films.only(films.day >= since))
        positives = int(newer.positive.sum())
        if positives >= FEWEST_JUDGED and len(newer.score) - positives >= FEWEST_JUDGED:
            found = fit(older)
            return (None, fit(films)) if isinstance(found, Hindrance) else (since, found)
    return None, fit(films)


def _months(films: ReadFilms) -> Iterator[int]:
    """Give the first days of the months of which there are verified films, the newest first."""
    tested = films.day[films.verification > 0]
    firsts = {date.fromordinal(int(day)).replace(day=1).toordinal() for day in np.unique(tested)}
    yield from sorted(firsts, reverse=True)


def _wanted(finding: str, found: Proposal) -> FindingThresholds:
    """Write a proposal as a set has it; a finding other than COVID-19 has one threshold, the one that misses few."""
    lower, upper = found.thresholds.lower, found.thresholds.upper
    return FindingThresholds(
        finding=finding,
        lower=lower,
        upper=upper if finding == COVID else lower,
        offset=found.recalibration.offset,
        slope=found.recalibration.slope,
    )


def _judged(known: VerifiedFilms, by: Proposal) -> Judged:
    scaled = replace(known, score=by.recalibration(known.score))
    return Judged.of(accuracy(scaled, by.thresholds, lambda _known: None))


def _levels(scores: Floats, by: Proposal) -> Floats:
    said: Floats = np.digitize(by.recalibration(scores), [by.thresholds.lower, by.thresholds.upper]).astype(float)
    return said


def _counts(levels: Floats) -> tuple[int, int, int]:
    negative, uncertain, positive = (int((levels == level).sum()) for level in range(3))
    return negative, uncertain, positive
