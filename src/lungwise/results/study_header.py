"""What every result object repeats of its film: the patient, the study, and which film it was.

The film's header is cleaned to what DICOM allows: what a scanner wrote wrongly must not make the result invalid too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo

from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from lungwise.films import Photographed
from lungwise.films.dicom.header import DicomHeader, HeaderValue, RequestedProcedure, kept_number, read_header
from lungwise.films.formats import DICOM, kind_of
from lungwise.patients.identity import PatientFacts, contradictions
from lungwise.patients.stated_facts import facts_of

_LONGEST = {"LO": 64, "PN": 64, "SH": 16}
_FORMS = {
    "AS": r"\d{3}[DWMY]",
    "CS": r"[FMO]",
    "TZ": r"[+-](0\d|1[0-4])[0-5]\d",
    "TM": r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?",
    "UI": r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What an order says that results repeat, where the film's own header does not."""

    accession: str
    referring_physician: str
    requested: RequestedProcedure


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """What Lungwise knows of a film, used where the film's own header says nothing.

    Parameters
    ----------
    study_uid, series_uid, film_uid
        Those of a film that came as a picture.
    study_key
        The study's key: two patients' studies may have one UID.
    made_at
        When the film came.
    zone
        The clinic's time zone, which holds where a film names none; None for the computer's.
    renamed
        The SOP Instance UID that the film got here because its own is another film's; empty if it kept its own.
    photographed
        Of a photograph, where the film lies in it.
    ordered
        What the order says that the film answers.
    accession
        The accession number by which the film is kept.
    """

    study_uid: str
    series_uid: str
    film_uid: str
    patient_id: str
    patient_name: str
    sex: str
    birth_date: date | None
    made_at: datetime
    study_key: str = ""
    zone: tzinfo | None = None
    renamed: str = ""
    photographed: Photographed | None = None
    ordered: OrderFacts | None = None
    accession: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyHeader:
    """The film's patient and study, and the film as other objects refer to it.

    Parameters
    ----------
    modules
        The attributes of the Patient and Study modules.
    offset
        The time zone of every date and time, as +HHMM; empty if the film has none: then it is the clinic's, as for the
        machine that made the film.
    received_at
        When the film came.
    requested
        What the film says of the order that it answers.
    film_class, film_uid, film_series
        SOP Class, SOP Instance and Series Instance UID of the film.
    """

    modules: Dataset
    offset: str
    film_class: str
    film_uid: str
    film_series: str
    received_at: datetime
    study_key: str = ""
    zone: tzinfo | None = None
    requested: RequestedProcedure | None = None

    @property
    def study_uid(self) -> str:
        """The study that film and results belong to."""
        return str(self.modules.StudyInstanceUID)

    def film_reference(self) -> Dataset:
        """Return an item that refers to the film."""
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = self.film_class, self.film_uid
        return item

    def put_into(self, item: Dataset) -> None:
        """Write patient and study into an object, its texts in UTF-8."""
        item.update(self.modules)
        item.SpecificCharacterSet = "ISO_IR 192"
        if self.offset:
            item.TimezoneOffsetFromUTC = self.offset

    def local(self, moment: datetime) -> tuple[str, str]:
        """Write a moment as date and time of the film's time zone."""
        sign, hours, minutes = self.offset[:1], int(self.offset[1:3] or 0), int(self.offset[3:] or 0)
        away = timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1)
        there = moment.astimezone(timezone(away) if sign else self.zone)
        return there.strftime("%Y%m%d"), there.strftime("%H%M%S")

    def as_evidence(self) -> Dataset:
        """Return the film as highdicom expects evidence."""
        film = Dataset()
        film.SOPClassUID, film.SOPInstanceUID = self.film_class, self.film_uid
        film.StudyInstanceUID, film.SeriesInstanceUID = self.study_uid, self.film_series
        for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
            setattr(film, name, "")
        film.StudyDate = film.StudyTime = film.ReferringPhysicianName = ""
        return film


def study_header(data: bytes, facts: StudyFacts) -> StudyHeader:
    """Read patient, study and film from the film's bytes, and from `facts` what they do not say."""
    read = read_header(data) if kind_of(data) == DICOM else None
    header = read or DicomHeader()
    modules = _modules(header)
    if not contradictions(facts_of(header), _known(facts)):
        _fill_patient(modules, facts)
    if facts.ordered:
        _fill_order(modules, facts.ordered)
    modules.AccessionNumber = modules.AccessionNumber or cleaned(facts.accession, "SH")
    came = facts.made_at.astimezone(facts.zone) if facts.zone else facts.made_at
    if read is None:
        modules.StudyDate, modules.StudyTime = came.strftime("%Y%m%d"), came.strftime("%H%M%S")
    modules.StudyInstanceUID = cleaned(header.study_uid, "UI") or facts.study_uid
    return StudyHeader(
        modules=modules,
        offset=cleaned(header.timezone, "TZ") if read else came.strftime("%z")[:5],
        film_class=cleaned(header.sop_class, "UI") or SecondaryCaptureImageStorage,
        film_uid=facts.renamed or cleaned(header.instance_uid, "UI") or facts.film_uid,
        film_series=cleaned(header.series_uid, "UI") or facts.series_uid,
        received_at=facts.made_at,
        study_key=facts.study_key,
        zone=facts.zone,
        requested=header.requested or (facts.ordered.requested if facts.ordered else None),
    )


def _modules(header: DicomHeader) -> Dataset:
    """Write type 2 of the Patient and General Study modules, and type 3 of these and of Patient Study where known."""
    modules = Dataset()
    modules.PatientName = cleaned(header.name.written, "PN")
    modules.PatientID = cleaned(kept_number(header.patient_id), "LO")
    modules.PatientBirthDate = _day(header.birth_date)
    modules.PatientSex = header.sex
    modules.StudyDate = _day(header.study_date)
    modules.StudyTime = cleaned(header.study_time, "TM")
    ordered = header.requested.accession_number if header.requested else ""
    modules.AccessionNumber = cleaned(header.accession_number, "SH") or cleaned(ordered, "SH")
    modules.ReferringPhysicianName = cleaned(header.referring_physician, "PN")
    modules.StudyID = cleaned(header.study_id, "SH")
    where_known = {
        "StudyDescription": cleaned(header.study_description, "LO"),
        "IssuerOfPatientID": cleaned(kept_number(header.issuer), "LO"),
        "PatientAge": _age(header.age),
        "EthnicGroup": cleaned(header.ethnic_group, "SH"),
    }
    for name, value in where_known.items():
        if value:
            setattr(modules, name, value)
    return modules


def _day(day: HeaderValue[date]) -> str:
    return day.value.strftime("%Y%m%d") if day.value else ""


def _age(age: HeaderValue[float]) -> str:
    """Write an age as DICOM does, also one that came without its letter."""
    written = f"{age.written:0>3}Y" if age.written.isdecimal() and age.value is not None else age.written
    return cleaned(written, "AS")


def _known(facts: StudyFacts) -> PatientFacts:
    return PatientFacts(
        identifier=facts.patient_id, name=facts.patient_name, sex=facts.sex, birth_date=facts.birth_date
    )


def _fill_patient(modules: Dataset, facts: StudyFacts) -> None:
    """Put what is known where the header is silent; a patient is taken whole, never mixed of two."""
    if not modules.PatientID:
        modules.PatientID = cleaned(facts.patient_id, "LO")
        modules.PatientName = modules.PatientName or cleaned(facts.patient_name, "PN")
        modules.PatientSex = modules.PatientSex or cleaned(facts.sex, "CS")
        born = facts.birth_date.strftime("%Y%m%d") if facts.birth_date else ""
        modules.PatientBirthDate = modules.PatientBirthDate or born


def _fill_order(modules: Dataset, ordered: OrderFacts) -> None:
    """Put what the order says where the header is silent."""
    modules.AccessionNumber = modules.AccessionNumber or cleaned(ordered.accession, "SH")
    physician = cleaned(ordered.referring_physician, "PN")
    if physician and not str(modules.ReferringPhysicianName):
        modules.ReferringPhysicianName = physician


def cleaned(text: str, vr: str) -> str:
    """Keep a value that DICOM allows, a long text cut; give '' for what would be another value if it were cut."""
    plain = "".join(letter for letter in text if letter.isprintable() and letter != "\\").strip()
    if vr in _FORMS:
        return plain if re.fullmatch(_FORMS[vr], plain) else ""
    if vr == "PN":
        return _person_name(plain)
    if vr == "LO":
        return plain[: _LONGEST[vr]]
    return plain if len(plain) <= _LONGEST[vr] else ""


def _person_name(text: str) -> str:
    """Keep a name's three groups of five parts (PS3.5, 6.2.1)."""
    groups = ["^".join(group.split("^")[:5])[: _LONGEST["PN"]] for group in text.split("=")[:3]]
    return "=".join(groups).rstrip("=")
