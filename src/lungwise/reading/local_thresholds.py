"""A clinic's own thresholds: what stands in place of the card's when its films are read.

A set belongs to one model, by the SHA-256 of its file: another model's probabilities mean something else, so with a new
model the set is void and the card's thresholds are back.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lungwise.reading.artefact import ModelCard
from lungwise.reading.own_thresholds import OwnThresholds, ThresholdsError, findings_from
from lungwise.reading.pattern import COVID, normal_of, pattern_of, raised
from lungwise.reading.reading import Reading, verdict

_WRITE_IT = "Write it with: lungwise thresholds export"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalThresholds(OwnThresholds):
    """A set of thresholds that a clinic has approved.

    Parameters
    ----------
    model_sha256
        SHA-256 of the file of the model that it was made for.
    approved_by
        The names of those who proposed and confirmed it.
    approved_at
        When it was confirmed, with its time zone.
    """

    model_sha256: str
    approved_by: tuple[str, ...]
    approved_at: datetime

    def fits(self, card: ModelCard) -> bool:
        """Return whether it was made for this model."""
        return self.model_sha256 == card.hashes.get("onnx")

    @property
    def kept(self) -> OwnThresholds:
        """What a reading keeps of it."""
        return OwnThresholds(id=self.id, findings=self.findings)

    def as_json(self) -> str:
        """Write it as `lungwise thresholds export` does."""
        return json.dumps(asdict(self) | {"approved_at": self.approved_at.isoformat()}, indent=1, ensure_ascii=False)


def localised(reading: Reading, card: ModelCard, local: LocalThresholds | None) -> Reading:
    """Return a reading by a clinic's own thresholds; as it is where there are none for the model that read.

    Parameters
    ----------
    reading
        By the card's thresholds.
    card
        Of the model that the thresholds may be for.
    """
    if local is None or not local.fits(card) or (reading.model, reading.version) != (card.name, card.version):
        return reading
    findings = {name: local.recalibrated(name, value) for name, value in reading.findings.items()}
    own, limits = local.of(COVID), local.limits(card.finding_thresholds)
    covid = own.thresholds if own else card.thresholds
    said = verdict(findings[COVID], covid.lower, covid.upper)
    return replace(
        reading,
        probability=findings[COVID],
        verdict=said,
        findings=findings,
        normal=normal_of(findings, limits),
        pattern=pattern_of(findings, said, limits),
        raised=raised(findings, said, limits),
        thresholds=local.kept,
        model_findings=reading.findings,
    )


def read_local_thresholds(path: Path) -> LocalThresholds:
    """Read what `as_json` wrote.

    Raises
    ------
    ThresholdsError
        If it cannot be opened, is not such a set, or its thresholds are out of order.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ThresholdsError(f"{path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise ThresholdsError(f"{path} is not JSON. {_WRITE_IT}") from error
    try:
        return parse_local_thresholds(fields)
    except ThresholdsError as error:
        raise ThresholdsError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ThresholdsError(f"{path} holds no thresholds that can be used ({error}). {_WRITE_IT}") from error


def parse_local_thresholds(fields: dict[str, Any]) -> LocalThresholds:
    """Make a set of what a file says."""
    return LocalThresholds(
        id=str(fields["id"]),
        model_sha256=str(fields["model_sha256"]),
        findings=findings_from(fields["findings"]),
        approved_by=tuple(map(str, fields["approved_by"])),
        approved_at=datetime.fromisoformat(fields["approved_at"]),
    )
