"""How a clinic wants it: what its administrator set, and for the rest what the installation is set to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from lungwise.settings import Registration, Settings
from lungwise.time_zones import zone_of


class RetentionMode(StrEnum):
    """What is done with studies that are older than a clinic keeps them."""

    DELETE = "delete"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicChoices:
    """What a clinic's administrator chose; None is as the installation is set.

    Parameters
    ----------
    letterhead
        Lines below the clinic's name on reports.
    prevalence
        Share of those filmed who have COVID-19, in [0, 1].
    sampled
        Of so many studies one is drawn for a check; None draws nobody.
    result_days
        How many days may lie between a film and a test.
    retention, retention_days
        What is done with studies after so many days; None keeps everything.
    """

    name: str
    letterhead: str = ""
    time_zone: str | None = None
    prevalence: float | None = None
    language: str | None = None
    registration: Registration | None = None
    sampled: int | None = None
    result_days: int | None = None
    retention: RetentionMode | None = None
    retention_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicSettings:
    """What holds for a clinic. `language` is empty where each browser may say; `sampled` is None of none."""

    letterhead: tuple[str, ...]
    time_zone: str
    prevalence: float
    language: str
    registration: Registration
    sampled: int | None
    result_days: int
    retention: RetentionMode | None
    retention_days: int | None

    @classmethod
    def of(cls, choices: ClinicChoices, settings: Settings) -> ClinicSettings:
        """Return what a clinic's choices leave of the installation's settings."""
        return cls(
            letterhead=tuple(filter(None, map(str.strip, choices.letterhead.splitlines()))),
            time_zone=choices.time_zone or settings.time_zone,
            prevalence=settings.prevalence if choices.prevalence is None else choices.prevalence,
            language=choices.language or "",
            registration=choices.registration or settings.registration,
            sampled=choices.sampled,
            result_days=settings.result_days if choices.result_days is None else choices.result_days,
            retention=choices.retention,
            retention_days=choices.retention_days,
        )

    @property
    def zone(self) -> tzinfo:
        """The time zone."""
        return zone_of(self.time_zone)
