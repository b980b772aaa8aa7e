"""What every result object repeats of its film: the patient, the study, and which film it was.

The film's header is read by the bounded reader of `films`, since it may be hostile, and cleaned to what
DICOM allows: what a scanner wrote wrongly must not make the result invalid too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from pydicom.charset import decode_bytes, python_encoding
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage
from pydicom.valuerep import PN_DELIMS

from lungwise.films import Refusal
from lungwise.films.elements import Elements, read_elements

_CHARACTER_SET = 0x00080005
_TIMEZONE = 0x00080201
_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
# Type 2 of the Patient and General Study modules, then type 3 of these and of Patient Study (PS3.3, C.7.1.1, C.7.2).
_ALWAYS = {
    0x00100010: "PN",
    0x00100020: "LO",
    0x00100030: "DA",
    0x00100040: "CS",
    0x00080020: "DA",
    0x00080030: "TM",
    0x00080050: "SH",
    0x00080090: "PN",
    0x00200010: "SH",
}
_WHERE_KNOWN = {0x00081030: "LO", 0x00100021: "LO", 0x00101010: "AS", 0x00102160: "SH"}
_LONGEST = {"LO": 64, "PN": 64, "SH": 16}
_FORMS = {
    "AS": r"\d{3}[DWMY]",
    "CS": r"[FMO]",
    "TZ": r"[+-](0\d|1[0-4])[0-5]\d",
    "TM": r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?",
    "UI": r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+",
}


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What Lungwise itself knows of a film: stands where the film's header says nothing.

    The UIDs are those of a film that came without DICOM.
    """

    study_uid: str
    series_uid: str
    film_uid: str
    patient_id: str
    patient_name: str
    sex: str
    birth_date: date | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class StudyHeader:
    """The film's patient and study, and the film as other objects refer to it.

    `offset` is the time zone of every date and time, written +HHMM; empty where the film does not say, and then it
    is the one of the place, as it is for the machine that made the film.
    """

    modules: Dataset
    offset: str
    film_class: str
    film_uid: str
    film_series: str

    @property
    def study_uid(self) -> str:
        """The study that film and results belong to."""
        return str(self.modules.StudyInstanceUID)

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
        there = moment.astimezone(timezone(away) if sign else None)
        return there.strftime("%Y%m%d"), there.strftime("%H%M%S")

    def as_evidence(self) -> Dataset:
        """Give the film as highdicom wants it named."""
        film = Dataset()
        film.SOPClassUID, film.SOPInstanceUID = self.film_class, self.film_uid
        film.StudyInstanceUID, film.SeriesInstanceUID = self.study_uid, self.film_series
        for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
            setattr(film, name, "")
        film.StudyDate = film.StudyTime = film.ReferringPhysicianName = ""
        return film


def study_header(data: bytes, facts: StudyFacts) -> StudyHeader:
    """Read patient, study and film from the film's bytes, and from `facts` what they do not say."""
    elements = _elements(data)
    text = TextDecoder(elements)
    modules = Dataset()
    for tag, vr in _ALWAYS.items():
        modules.add_new(tag, vr, _clean(text(tag), vr))
    for tag, vr in _WHERE_KNOWN.items():
        if value := _clean(text(tag), vr):
            modules.add_new(tag, vr, value)
    _fill(modules, facts, dated=bool(elements))
    modules.StudyInstanceUID = _clean(text(_STUDY), "UI") or facts.study_uid
    return StudyHeader(
        modules,
        _clean(text(_TIMEZONE), "TZ") if elements else "+0000",
        _clean(text(_SOP_CLASS), "UI") or SecondaryCaptureImageStorage,
        _clean(text(_SOP_INSTANCE), "UI") or facts.film_uid,
        _clean(text(_SERIES), "UI") or facts.series_uid,
    )


def _elements(data: bytes) -> Elements:
    if data[128:132] != b"DICM" and data[:2] not in (b"\2\0", b"\x08\0"):
        return Elements()
    try:
        return read_elements(data)[1]
    except Refusal:
        return Elements()


def _fill(modules: Dataset, facts: StudyFacts, *, dated: bool) -> None:
    """Put what is known where the header is silent; a patient is taken whole, never mixed of two."""
    if not modules.PatientID:
        modules.PatientID = _clean(facts.patient_id, "LO")
        modules.PatientName = modules.PatientName or _clean(facts.patient_name, "PN")
        modules.PatientSex = modules.PatientSex or _clean(facts.sex, "CS")
        born = facts.birth_date.strftime("%Y%m%d") if facts.birth_date else ""
        modules.PatientBirthDate = modules.PatientBirthDate or born
    if not dated:  # in UTC
        modules.StudyDate, modules.StudyTime = facts.made_at.strftime("%Y%m%d"), facts.made_at.strftime("%H%M%S")


class TextDecoder:
    """Turns the bytes of a text into text, by the character sets that the file names (PS3.3, C.12.1.1.2)."""

    def __init__(self, elements: Elements) -> None:
        self._elements = elements
        named = elements.texts(_CHARACTER_SET)
        known = [python_encoding[name] for name in named if name in python_encoding]
        self._codecs = known if any(named) else []

    def __call__(self, tag: int) -> str:
        """Give an element's text; '' where it is missing."""
        value = bytes(self._elements[tag].value[:1024]) if tag in self._elements else b""
        if b"\x1b" in value and self._codecs:
            return str(decode_bytes(value, self._codecs, PN_DELIMS))
        if self._codecs:
            return value.decode(self._codecs[0], errors="replace")
        try:
            return value.decode()  # many write UTF-8 and do not say so
        except UnicodeDecodeError:
            return value.decode("latin-1")


def _clean(text: str, vr: str) -> str:
    """Keep a value that DICOM allows, a long text cut; give '' for what would be another value if it were cut."""
    plain = "".join(letter for letter in text if letter.isprintable() and letter != "\\").strip()
    if vr == "DA":
        return _date(plain)
    if vr in _FORMS:
        return plain if re.fullmatch(_FORMS[vr], plain) else ""
    if vr == "PN":
        return _person_name(plain)
    if vr == "LO":
        return plain[: _LONGEST[vr]]
    return plain if len(plain) <= _LONGEST[vr] else ""


def _date(text: str) -> str:
    digits = text.replace(".", "")
    try:
        return datetime.strptime(digits, "%Y%m%d").strftime("%Y%m%d") if len(digits) == 8 else ""
    except ValueError:
        return ""


def _person_name(text: str) -> str:
    """Keep a name's three groups of five parts (PS3.5, 6.2.1)."""
    groups = ["^".join(group.split("^")[:5])[: _LONGEST["PN"]] for group in text.split("=")[:3]]
    return "=".join(groups).rstrip("=")
