"""A clinic's own thresholds: what stands in place of the card's when its films are read.

A set belongs to one model, by the SHA-256 of its file: another model's probabilities mean something else, so with a new
model the set is void and the card's thresholds are back.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from math import exp, inf, log
from pathlib import Path
from typing import Any

from lungwise.reading.artefact import ModelCard
from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.pattern import COVID, normal_of, pattern_of
from lungwise.reading.reading import Reading, verdict

_ID_CHARACTERS = 64


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
        How the card's probability is recalibrated: its log odds times `slope`, plus `offset`.
    """

    finding: str
    lower: float
    upper: float
    offset: float = 0.0
    slope: float = 1.0

    def __post_init__(self) -> None:
        if self.finding not in FINDING_NAMES:
            raise ThresholdsError(f"There is no finding {self.finding!r}; there are {', '.join(FINDING_NAMES)}.")
        if not 0 < self.lower <= self.upper < 1:
            raise ThresholdsError(
                f"Thresholds lie between 0 and 1, the lower one first, not {self.lower}, {self.upper}."
            )
        if self.finding != COVID and self.lower != self.upper:
            raise ThresholdsError(f"{self.finding} has one threshold: the lower and the upper one must be equal.")
        if not (0 < self.slope < inf and -inf < self.offset < inf):
            raise ThresholdsError("The slope of a recalibration is a number above 0, and its offset is a number.")

    def recalibrated(self, probability: float) -> float:
        """Return the probability that this clinic's films with such a probability have."""
        if (self.offset, self.slope) == (0.0, 1.0) or not 0 < probability < 1:
            return probability
        return 1 / (1 + exp(-(self.slope * log(probability / (1 - probability)) + self.offset)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalThresholds:
    """A set of thresholds that a clinic has approved.

    Parameters
    ----------
    id
        By which every output names it.
    model_sha256
        SHA-256 of the file of the model that it was made for.
    findings
        Each finding at most once; those that are missing keep the card's thresholds.
    approved_by
        The names of those who proposed and confirmed it.
    approved_at
        When it was confirmed, with its time zone.
    """

    id: str
    model_sha256: str
    findings: tuple[FindingThresholds, ...]
    approved_by: tuple[str, ...]
    approved_at: datetime

    def __post_init__(self) -> None:
        names = [one.finding for one in self.findings]
        if len(set(names)) != len(names):
            raise ThresholdsError("Each finding can have thresholds once.")
        if not 0 < len(self.id) <= _ID_CHARACTERS:
            raise ThresholdsError(f"The id of a set of thresholds has 1 to {_ID_CHARACTERS} characters.")

    def of(self, finding: str) -> FindingThresholds | None:
        """Return the thresholds of a finding; None where the card's are kept."""
        return next((one for one in self.findings if one.finding == finding), None)

    def fits(self, card: ModelCard) -> bool:
        """Return whether it was made for this model."""
        return self.model_sha256 == card.hashes.get("onnx")

    def as_json(self) -> str:
        """Write it as `lungwise thresholds export` does."""
        return json.dumps(asdict(self) | {"approved_at": self.approved_at.isoformat()}, indent=1)


def localised(reading: Reading, card: ModelCard, local: LocalThresholds | None) -> Reading:
    """Return a reading by a clinic's own thresholds; as it is where there are none for this model.

    Parameters
    ----------
    reading
        By the card's thresholds.
    card
        Of the model that read.
    """
    if local is None or not local.fits(card):
        return reading
    findings = {name: _recalibrated(local, name, value) for name, value in reading.findings.items()}
    covid = local.of(COVID) or FindingThresholds(finding=COVID, **asdict(card.thresholds))
    said, limits = verdict(findings[COVID], covid.lower, covid.upper), finding_thresholds(card, local)
    return replace(
        reading,
        probability=findings[COVID],
        verdict=said,
        findings=findings,
        normal=normal_of(findings, limits),
        pattern=pattern_of(findings, said, limits),
        thresholds=local.id,
    )


def finding_thresholds(card: ModelCard, local: LocalThresholds) -> dict[str, float]:
    """Return from which probability each finding other than COVID-19 counts as present at a clinic."""
    return card.finding_thresholds | {one.finding: one.lower for one in local.findings if one.finding != COVID}


def _recalibrated(local: LocalThresholds, name: str, probability: float) -> float:
    own = local.of(name)
    return own.recalibrated(probability) if own else probability


def read_local_thresholds(path: Path) -> LocalThresholds:
    """Read what `as_json` wrote.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ThresholdsError
        If it is not such a set, or its thresholds are out of order.
    """
    try:
        return parse_local_thresholds(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise ThresholdsError(
            f"{path} holds no thresholds that can be used ({error}). Write it with: lungwise thresholds export"
        ) from error


def parse_local_thresholds(fields: dict[str, Any]) -> LocalThresholds:
    """Make a set of what a file or the database says."""
    return LocalThresholds(
        id=str(fields["id"]),
        model_sha256=str(fields["model_sha256"]),
        findings=tuple(FindingThresholds(**one) for one in fields["findings"]),
        approved_by=tuple(fields["approved_by"]),
        approved_at=datetime.fromisoformat(fields["approved_at"]),
    )
