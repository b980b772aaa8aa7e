"""The thresholds of a clinic's own that a reading was given by: what it keeps of them, forever.

They may move only so far: beyond `LOWEST` and `HIGHEST` a model does not tell patients apart, a recalibration beyond
`STEEPEST` and `FURTHEST` is that of another model, and when a film is called normal is no clinic's to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import exp, log
from typing import Any

from lungwise.reading.artefact import Thresholds
from lungwise.reading.findings import FINDING_NAMES

LOWEST, HIGHEST = 0.002, 0.998
"""Bounds of thresholds, as probabilities of the model before they are recalibrated."""
STEEPEST, FURTHEST = 5.0, 6.0
"""Bounds of a recalibration: its slope lies between a fifth and five, its offset between minus six and six."""
_COVID, _NORMAL = "COVID-19", "normal"
_ID_CHARACTERS = 64
_ROUNDED = 1e-3
"""How far rounding may take a threshold beyond its bounds."""


def may_recalibrate(offset: float, slope: float) -> bool:
    """Return whether a clinic may recalibrate the model so far: beyond, it is another model."""
    return 1 / STEEPEST <= slope <= STEEPEST and abs(offset) <= FURTHEST


class ThresholdsError(ValueError):
    """A set of thresholds that cannot be used; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingThresholds:
    """The thresholds of one finding.

    Parameters
    ----------
    lower, upper
        Of the recalibrated probability, in (0, 1). A finding other than COVID-19 has one: the two are equal.
    offset, slope
        How the model's probability is recalibrated: its log odds times `slope`, plus `offset`.
    """

    finding: str
    lower: float
    upper: float
    offset: float = 0.0
    slope: float = 1.0

    def __post_init__(self) -> None:
        self._check_finding()
        if not 0 < self.lower <= self.upper < 1:
            raise ThresholdsError(
                f"Thresholds lie between 0 and 1, the lower one first, not {self.lower}, {self.upper}."
            )
        if self.finding != _COVID and self.lower != self.upper:
            raise ThresholdsError(f"{self.finding} has one threshold: the lower and the upper one must be equal.")
        if not may_recalibrate(self.offset, self.slope):
            raise ThresholdsError(
                f"A recalibration has a slope from {1 / STEEPEST} to {STEEPEST} and an offset from {-FURTHEST} to "
                f"{FURTHEST}, not {self.slope} and {self.offset}."
            )
        lower, upper = self.of_model(self.lower), self.of_model(self.upper)
        if not LOWEST - _ROUNDED < lower <= upper < HIGHEST + _ROUNDED:
            raise ThresholdsError(
                f"Thresholds of {self.finding} may not leave {LOWEST} to {HIGHEST} of the model's probability."
            )

    def _check_finding(self) -> None:
        if self.finding not in FINDING_NAMES:
            raise ThresholdsError(f"There is no finding {self.finding!r}; there are {', '.join(FINDING_NAMES)}.")
        if self.finding == _NORMAL:
            raise ThresholdsError("When a film is called normal cannot be changed.")

    @property
    def thresholds(self) -> Thresholds:
        """Both of them, of the recalibrated probability."""
        return Thresholds(lower=self.lower, upper=self.upper)

    def recalibrated(self, probability: float) -> float:
        """Return the probability that this clinic's films with such a probability of the model have."""
        if self._as_model or not 0 < probability < 1:
            return probability
        return _logistic(self.slope * _log_odds(probability) + self.offset)

    def of_model(self, probability: float) -> float:
        """Return what the model said where a recalibrated probability is given."""
        if self._as_model or not 0 < probability < 1:
            return probability
        return _logistic((_log_odds(probability) - self.offset) / self.slope)

    @property
    def _as_model(self) -> bool:
        return (self.offset, self.slope) == (0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnThresholds:
    """A set of thresholds, as a reading keeps it.

    Parameters
    ----------
    id
        By which every output names it.
    findings
        Each finding at most once; those that are missing keep the card's thresholds.
    """

    id: str
    findings: tuple[FindingThresholds, ...]

    def __post_init__(self) -> None:
        names = [one.finding for one in self.findings]
        if len(set(names)) != len(names):
            raise ThresholdsError("Each finding can have thresholds once.")
        if not (0 < len(self.id) <= _ID_CHARACTERS and self.id.isprintable()):
            raise ThresholdsError(f"The id of a set of thresholds has 1 to {_ID_CHARACTERS} characters.")

    def of(self, finding: str) -> FindingThresholds | None:
        """Return the thresholds of a finding; None where the card's are kept."""
        return next((one for one in self.findings if one.finding == finding), None)

    def limits(self, of_card: Mapping[str, float]) -> dict[str, float]:
        """Return from which probability each finding other than COVID-19 counts as present.

        Parameters
        ----------
        of_card
            The card's `finding_thresholds`.
        """
        return {**of_card, **{one.finding: one.lower for one in self.findings if one.finding != _COVID}}

    def recalibrated(self, finding: str, probability: float) -> float:
        """Return a finding's probability as it is said at the clinic."""
        own = self.of(finding)
        return own.recalibrated(probability) if own else probability

    def as_stored(self) -> dict[str, Any]:
        """Return what the database keeps with a reading."""
        return {"id": self.id, "findings": [asdict(one) for one in self.findings]}


def stored_thresholds(stored: Mapping[str, Any] | None) -> OwnThresholds | None:
    """Return the thresholds that the database has kept with a reading; None of one by the card's."""
    if stored is None:
        return None
    return OwnThresholds(id=stored["id"], findings=findings_from(stored["findings"]))


def findings_from(stored: list[dict[str, Any]]) -> tuple[FindingThresholds, ...]:
    """Return the thresholds of findings that are written as objects.

    Raises
    ------
    TypeError
        If one has other fields.
    ThresholdsError
        If one cannot be used.
    """
    return tuple(FindingThresholds(**one) for one in stored)


def _log_odds(probability: float) -> float:
    return log(probability / (1 - probability))


def _logistic(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))
