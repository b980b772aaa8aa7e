"""What a report says of a study: one value, which the page, the PDF, FHIR and JSON render."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, tzinfo

from lungwise.patients.service import Patient
from lungwise.studies.extent_changes import ExtentChange
from lungwise.studies.headlines import Headline
from lungwise.studies.service import FilmRecord, Study, StudyOrders


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmReport:
    """What a report says of one film, in the reader's language; a text is empty where there is nothing to say.

    Parameters
    ----------
    headline
        What was found on it, and what to do.
    header
        What the film's own header says of the patient, if that differs from the patient's record.
    probability, findings
        As a person reads them; the numbers are in the record's reading.
    predictive_value
        How many of such verdicts are right at the clinic's prevalence.
    extent, extent_change
        How much of the lungs is opaque, and what changed of it since an earlier film.
    model
        Name and version of the model that read the film.
    thresholds
        By which of the clinic's own thresholds it was read, as a sentence; empty of the model's.
    """

    record: FilmRecord
    title: str
    headline: Headline
    header: str = ""
    refusal: str = ""
    probability: str = ""
    findings: str = ""
    uncertainty_range: str = ""
    predictive_value: str = ""
    extent: str = ""
    extent_change: str = ""
    warnings: tuple[str, ...] = ()
    model: str = ""
    thresholds: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What there is to say beside headline, numbers and model."""
        verdict = (self.uncertainty_range, self.thresholds, self.predictive_value)
        return tuple(filter(None, (self.header, self.refusal, *verdict, self.extent_change, *self.warnings)))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpinionReport:
    """What a report says of one opinion: who gave it and when, and its sentences."""

    author: str
    time: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a report says.

    Parameters
    ----------
    letterhead
        Lines below the clinic's name.
    ordered
        The orders that the study answers; and those of other patients that its films name: nothing is reported under
        the numbers of these.
    facts
        Of patient and study, each with its name.
    identity_warning
        A sentence if it is unclear whose films these are.
    headline
        What was found, what to do, and the one number that leads.
    tests
        Each test that was done, and its result with date and reason.
    limits
        What a reading cannot do.
    changes
        Of the extent of opacity since earlier films, by the film's key.
    conclusion_remark
        Before which films the doctor's conclusion was written; empty where it covers all films as they were last read.
    zone
        The clinic's time zone.
    """

    clinic: str
    patient: Patient
    study: Study
    facts: tuple[tuple[str, str], ...]
    identity_warning: str
    headline: Headline
    films: tuple[FilmReport, ...]
    opinions: tuple[OpinionReport, ...]
    tests: tuple[tuple[str, str], ...]
    limits: str
    changes: Mapping[str, ExtentChange]
    letterhead: tuple[str, ...] = ()
    conclusion_remark: str = ""
    ordered: StudyOrders = field(default_factory=StudyOrders)
    zone: tzinfo = UTC


def texts(said: object) -> Iterator[str]:
    """Give every text that a report says; not what its records hold beside."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, (tuple, list)):
        for one in said:
            yield from texts(one)
    elif is_dataclass(said) and not isinstance(said, (Patient, Study, StudyOrders, FilmRecord)):
        for one in fields(said):
            yield from texts(getattr(said, one.name))
