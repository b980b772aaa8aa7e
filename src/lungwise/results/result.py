"""What one version of the model said of one film, and the series in which the result objects lie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import UID

from lungwise.films import Refusal
from lungwise.reading.artefact import shipped_card
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reading.reading import Reading
from lungwise.receiving.own_results import DESCRIPTIONS, MANUFACTURER, result_series_uid, result_uid
from lungwise.results.study_header import StudyHeader
from lungwise.studies.answers import StudyAnswer, answer_of_reading
from lungwise.studies.extent_changes import ExtentChange
from lungwise.studies.headlines import Headline, Headlines
from lungwise.studies.sent_reports import ReportVersion
from lungwise.studies.uids import own_uid

__all__ = ["MANUFACTURER", "RESEARCH", "SERIES", "FilmResult", "Series"]
IMPLEMENTATION_UID, IMPLEMENTATION_NAME = UID(own_uid("implementation")), "LUNGWISE"
"""How Lungwise identifies itself in associations and in files."""
RESEARCH = "For research use only. Not a diagnosis."


Polygon = tuple[tuple[float, float], ...]


class Series(NamedTuple):
    """What the objects of one kind lie in."""

    modality: str
    number: int
    description: str


SERIES: Final = {
    "SR": Series("SR", 8801, DESCRIPTIONS["SR"]),
    "SC": Series("OT", 8802, DESCRIPTIONS["SC"]),
    "PDF": Series("DOC", 8803, DESCRIPTIONS["PDF"]),
    "GSPS": Series("PR", 8804, DESCRIPTIONS["GSPS"]),
    "SEG": Series("SEG", 8805, DESCRIPTIONS["SEG"]),
}
_KINDS: Final = {series.modality: kind for kind, series in SERIES.items()}
FILM: Final = Series("OT", 1, "Film as uploaded")
"""The series of a film that came without DICOM."""


def kind_of_result(item: Dataset) -> str:
    """Return which kind of result an object is, as the setting `send_objects` names it."""
    return _KINDS[item.Modality]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What persons say of a study, and its report.

    Parameters
    ----------
    pdf
        The report, where it can be written.
    sentences
        Opinions and test results, in English.
    diagnosis
        What the doctor concludes, as the study has it; empty if nobody has concluded anything.
    changed_at
        When somebody last changed what a report says.
    missing
        That films could not be read which are not in the report; empty where it has all.
    sent
        The versions of the structured report that archives have, the newest first.
    """

    pdf: bytes | None = None
    sentences: tuple[str, ...] = ()
    diagnosis: str = ""
    changed_at: datetime | None = None
    missing: str = ""
    sent: tuple[ReportVersion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmResult:
    """What a model said of a film: a reading, or a refusal; when; and whether its patient is a child, or unclear.

    Parameters
    ----------
    change
        Of the extent of opacity since an earlier film, where one can be compared.
    is_concluded_on
        Whether what persons say of the study was said after the film was read, as far as anybody said something.
    regions
        Where the heat map reaches `reading.regions.LEVEL`: closed polygons of points across and down, in the film's
        pixels.
    """

    outcome: Reading | Refusal
    model: str
    version: str
    made_at: datetime
    is_child: bool = False
    is_unclear: bool = False
    change: ExtentChange | None = None
    is_concluded_on: bool = True
    regions: tuple[Polygon, ...] = ()

    @property
    def headline(self) -> Headline:
        """What the pages say of the film first, in English: without its number, which is the clinic's."""
        films = (answer_of_reading(self.outcome),) if isinstance(self.outcome, Reading) else ()
        answer = StudyAnswer(films=films, is_child=self.is_child, is_unclear=self.is_unclear)
        return Headlines(str, PredictiveValue(shipped_card(), 0.0)).of(answer)

    def series_uid(self, header: StudyHeader, kind: str) -> str:
        """Derive the UID of the series of one kind of results: one for each study, model and version."""
        return result_series_uid(header.study_uid, header.study_key, self.model, self.version, kind)

    def uid(self, header: StudyHeader, *parts: str) -> str:
        """Derive the UID of a part of this result: the same film, model and version give the same UID."""
        return result_uid(header.film_uid, self.model, self.version, *parts)

    def made_as(self, header: StudyHeader, kind: str) -> dict[str, Any]:
        """Say of an object of one kind which it is and what made it, as highdicom's objects are told."""
        return {
            "series_instance_uid": self.series_uid(header, kind),
            "series_number": SERIES[kind].number,
            "sop_instance_uid": self.uid(header, kind),
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": self.model,
            "software_versions": self.version,
            "device_serial_number": self.version,
        }
