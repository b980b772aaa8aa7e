from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.reading.pattern import COVID, NORMAL, OTHER, normal_leads, normal_of, pattern_of, raised
from lungwise.reading.reading import Verdict

THRESHOLDS = {"normal": 0.8, "other pneumonia": 0.6, "tuberculosis": 0.4}
PROBABILITIES = st.fixed_dictionaries(
    {name: st.floats(0, 1) for name in (NORMAL, COVID, "other pneumonia", "tuberculosis")}
)


def found(normal: float, covid: float = 0.0, pneumonia: float = 0.0, tuberculosis: float = 0.0) -> dict[str, float]:
    return {NORMAL: normal, COVID: covid, "other pneumonia": pneumonia, "tuberculosis": tuberculosis}


@pytest.mark.parametrize(
    ("findings", "verdict", "pattern"),
    [
        (found(0.9), "negative", None),
        (found(0.7), "negative", OTHER),  # not called normal
        (found(0.9, tuberculosis=0.4), "negative", "tuberculosis"),  # raised
        (found(0.9, tuberculosis=0.39), "negative", None),
        (found(0.2, tuberculosis=0.3), "negative", "tuberculosis"),  # likelier than normal
        (found(0.9, covid=0.3), "negative", None),
        (found(0.9, covid=0.3), "uncertain", COVID),
        (found(0.1, covid=0.2), "negative", COVID),
        (found(0.1, covid=0.8, tuberculosis=0.95), "positive", "tuberculosis"),
        (found(0.0), "negative", OTHER),
    ],
)
def test_the_pattern_is_the_likeliest_that_is_raised_or_leads(
    findings: dict[str, float], verdict: str, pattern: str | None
) -> None:
    assert pattern_of(findings, Verdict(verdict), THRESHOLDS) == pattern


@given(PROBABILITIES, st.sampled_from(Verdict))
def test_a_film_without_a_pattern_is_called_normal_and_nothing_is_likelier_or_raised(
    findings: dict[str, float], verdict: Verdict
) -> None:
    if pattern_of(findings, verdict, THRESHOLDS) is None:
        assert normal_of(findings, THRESHOLDS).called
        assert normal_leads(findings)
        assert raised(findings, verdict, THRESHOLDS) == ()


@given(PROBABILITIES, st.sampled_from(Verdict))
def test_what_leads_over_normal_is_the_pattern(findings: dict[str, float], verdict: Verdict) -> None:
    leading = max(findings, key=lambda name: findings[name])
    if not normal_leads(findings):
        assert findings[pattern_of(findings, verdict, THRESHOLDS) or ""] == findings[leading]


def test_what_is_raised_comes_with_the_likeliest_first() -> None:
    findings = found(0.1, covid=0.5, pneumonia=0.7, tuberculosis=0.6)
    assert raised(findings, Verdict.UNCERTAIN, THRESHOLDS) == ("other pneumonia", "tuberculosis", COVID)
    assert raised(findings, Verdict.NEGATIVE, THRESHOLDS) == ("other pneumonia", "tuberculosis")


def test_where_a_card_states_no_threshold_a_finding_is_present_that_is_likelier_than_not() -> None:
    assert [normal_of(found(share), {}).called for share in (0.49, 0.5)] == [False, True]
    assert pattern_of(found(0.9, tuberculosis=0.5), Verdict.NEGATIVE, {}) == "tuberculosis"
