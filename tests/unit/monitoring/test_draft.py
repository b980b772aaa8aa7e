"""What is proposed is fitted on old months and judged on newer ones; the last month is simulated under it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from lungwise.monitoring.draft import FEWEST_JUDGED, Draft, draft, in_force, proposal_of, simulated
from lungwise.monitoring.proposal import Hindrance
from lungwise.monitoring.verified import ReadFilms, Verification
from lungwise.reading.artefact import Thresholds
from lungwise.reading.own_thresholds import FindingThresholds, OwnThresholds
from lungwise.reading.pattern import COVID

SHIPPED = Thresholds(lower=0.3, upper=0.7)
BEGIN = date(2026, 1, 1).toordinal()
MONTH = np.array([0.1, 0.25, 0.5, 0.9])


def films(positives: int, negatives: int, months: int) -> ReadFilms:
    """Verified films, spread evenly over so many months; those with the finding have scores from 0.2 on."""
    count = positives + negatives
    ill = np.arange(count) < positives
    share = np.concatenate([np.linspace(0, 1, positives), np.linspace(0, 1, negatives)])
    return ReadFilms(
        score=np.where(ill, 0.2 + 0.7 * share, 0.02 + 0.5 * share),
        stratum=np.where(ill, 2, 0),
        verification=np.full(count, Verification.ANYWAY, np.int64),
        positive=ill,
        day=BEGIN + (np.arange(count) % months) * 31,
    )


def test_newer_months_judge_what_older_ones_have_fitted() -> None:
    found = draft(COVID, films(90, 120, 6), MONTH, SHIPPED, None)
    assert isinstance(found, Draft)
    evidence = found.evidence
    assert evidence.since == "2026-06-01" and evidence.now and evidence.then
    assert (evidence.fitted.positives, evidence.then.positives) == (75, 15)
    assert evidence.fitted.negatives + evidence.then.negatives == 120
    assert evidence.then.sensitivity and evidence.now.sensitivity and evidence.fitted.sensitivity
    assert evidence.then.sensitivity.value > evidence.now.sensitivity.value
    assert evidence.fitted.sensitivity.value >= 0.9
    assert found.wanted.lower < SHIPPED.lower


def test_where_the_older_months_do_not_suffice_all_are_fitted_and_nothing_is_judged() -> None:
    found = draft(COVID, films(29, 30, 6), MONTH, SHIPPED, None)
    assert isinstance(found, Draft)
    assert (found.evidence.since, found.evidence.now, found.evidence.then) == (None, None, None)
    assert (found.evidence.fitted.positives, found.evidence.fitted.negatives) == (29, 30)


@pytest.mark.parametrize("counts", [(28, 40), (40, 29)])
def test_below_the_numbers_nothing_is_proposed(counts: tuple[int, int]) -> None:
    assert draft(COVID, films(*counts, 6), MONTH, SHIPPED, None) is Hindrance.TOO_FEW


def test_below_the_numbers_for_both_a_threshold_in_force_goes_down_only() -> None:
    some = films(40, 43, 1)
    low = FindingThresholds(finding=COVID, lower=0.1, upper=0.65)
    found = draft(COVID, some, MONTH, SHIPPED, OwnThresholds(id="own", findings=(low,)))
    assert isinstance(found, Draft)
    assert found.wanted == low  # not back up to 0.2, and not down by a digit of rounding
    for lower in (0.29, 0.1234, 0.07):
        own = OwnThresholds(id="own", findings=(FindingThresholds(finding=COVID, lower=lower, upper=0.7),))
        found = draft(COVID, some, MONTH, SHIPPED, own)
        assert isinstance(found, Draft) and found.wanted.lower == min(lower, 0.2)


def test_where_nobody_with_a_negative_verdict_was_tested_nothing_is_proposed() -> None:
    some = films(90, 120, 6)
    some.verification[some.stratum == 0] = Verification.NOT_TESTED
    some.verification[some.score < 0.1] = Verification.NOT_TESTED
    more = films(90, 120, 6)
    joined = replace(
        some,
        **{name: np.concatenate([getattr(some, name), getattr(more, name)]) for name in ("score", "positive", "day")},
        stratum=np.concatenate([some.stratum, np.full(len(more.score), 2)]),
        verification=np.concatenate([some.verification, more.verification]),
    )
    assert draft(COVID, joined, MONTH, SHIPPED, None) is Hindrance.NONE_TESTED


def test_thresholds_beyond_the_bounds_are_no_proposal() -> None:
    some = films(40, 40, 1)
    some.score[0] = 0.0001
    some.score[1] = 0.0001
    assert draft(COVID, some, MONTH, SHIPPED, None) is Hindrance.OUT_OF_BOUNDS


def test_a_finding_other_than_covid_has_one_threshold() -> None:
    found = draft("tuberculosis", films(90, 120, 6), MONTH, Thresholds(lower=0.5, upper=0.5), None)
    assert isinstance(found, Draft)
    assert found.wanted.lower == found.wanted.upper < 0.5


def test_the_last_months_studies_are_called_as_they_would_be() -> None:
    now = proposal_of(FindingThresholds(finding=COVID, lower=0.3, upper=0.7))
    then = proposal_of(FindingThresholds(finding=COVID, lower=0.2, upper=0.7))
    month = simulated(MONTH, now, then)
    assert (month.now, month.then, month.changed) == ((2, 1, 1), (1, 2, 1), 1)
    shifted = proposal_of(FindingThresholds(finding=COVID, lower=0.3, upper=0.7, offset=2.0))
    assert simulated(MONTH, now, shifted).then == (0, 1, 3) or simulated(MONTH, now, shifted).then[0] == 0


def test_what_is_in_force_is_the_clinics_before_the_models() -> None:
    mine = FindingThresholds(finding=COVID, lower=0.1, upper=0.6, offset=-0.5, slope=0.9)
    own = OwnThresholds(id="own", findings=(mine,))
    assert in_force(COVID, SHIPPED, own) == proposal_of(mine)
    assert in_force("tuberculosis", SHIPPED, own).thresholds == in_force(COVID, SHIPPED, None).thresholds == SHIPPED
    assert FEWEST_JUDGED > 0
