"""Two questions of one film: is it normal, and where it is not, which pattern does it have?"""

from __future__ import annotations

from collections.abc import Mapping

from lungwise.reading.reading import Normal, Verdict

NORMAL, COVID, OTHER = "normal", "COVID-19", "other"
"""Names of findings, and of the pattern of a film that is not called normal and resembles no finding."""

_LIKELIER_THAN_NOT = 0.5
"""The threshold of a finding for which a card states none."""

Probabilities = Mapping[str, float]


def normal_of(findings: Probabilities, thresholds: Probabilities) -> Normal:
    """Return whether a film is called normal.

    Parameters
    ----------
    findings
        Probability of each finding.
    thresholds
        The card's `finding_thresholds`.
    """
    probability = findings.get(NORMAL, 0.0)
    return Normal(probability=probability, called=_reaches(NORMAL, probability, thresholds))


def normal_leads(findings: Probabilities) -> bool:
    """Return whether no finding is likelier than that the film is normal."""
    return all(probability <= findings.get(NORMAL, 0.0) for probability in findings.values())


def raised(findings: Probabilities, verdict: Verdict, thresholds: Probabilities) -> tuple[str, ...]:
    """Name the findings that count as present, or for COVID-19 as possible, the likeliest first."""
    present = (
        name
        for name, probability in findings.items()
        if name != NORMAL
        and (verdict != Verdict.NEGATIVE if name == COVID else _reaches(name, probability, thresholds))
    )
    return tuple(sorted(present, key=lambda name: -findings[name]))


def pattern_of(findings: Probabilities, verdict: Verdict, thresholds: Probabilities) -> str | None:
    """Return which pattern a film has.

    Parameters
    ----------
    findings, thresholds
        As for `normal_of`.
    verdict
        What decides whether COVID-19 is raised.

    Returns
    -------
    The likeliest of the findings that are raised or likelier than normal; `other` where there is none and the film is
    not called normal; None of a normal film.
    """
    normal, present = normal_of(findings, thresholds), raised(findings, verdict, thresholds)
    candidates = [name for name, value in findings.items() if name in present or value > normal.probability]
    if candidates:
        return max(candidates, key=lambda name: findings[name])
    return None if normal.called else OTHER


def finding_threshold(name: str, thresholds: Probabilities) -> float:
    """Return from which probability on a finding other than COVID-19 counts as present; `thresholds` are the card's."""
    return thresholds.get(name, _LIKELIER_THAN_NOT)


def _reaches(name: str, probability: float, thresholds: Probabilities) -> bool:
    return probability >= finding_threshold(name, thresholds)
