"""What a DICOM header states of a film: the one place where these elements are named and read."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta, timezone
from typing import Generic, TypeVar

import numpy as np

from lungwise.films.dicom.elements import Elements, read_elements
from lungwise.films.dicom.text import PersonName, TextDecoder
from lungwise.films.film import ADULT
from lungwise.films.refusals import IMPOSSIBLE_DATE, UNREADABLE_AGE, Refusal

T = TypeVar("T")

MOST_NUMBER = 64
"""Characters of an identifier that are kept, as many as DICOM has room for in any (LO)."""

MAX_AGE = 120
"""Years that nobody lives."""

_FIRST_FILM = date(1895, 11, 8)
"""Before that nobody had seen an X-ray."""

_FURTHEST_AHEAD = timezone(timedelta(hours=14))
"""The zone in which each day begins first."""

_YEARS_PER = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_NAME, _SEX, _BIRTH_DATE, _AGE = 0x00100010, 0x00100040, 0x00100030, 0x00101010
_STUDY_DATE, _ACQUISITION_DATE = 0x00080020, 0x00080022
_IMAGE_LATERALITY, _LATERALITY = 0x00200062, 0x00200060
_REQUESTS, _PROCEDURE_CODES = 0x00400275, 0x00321064
_SPACING, _IMAGER_SPACING, _ENCRYPTED = 0x00280030, 0x00181164, 0x04000500


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderValue(Generic[T]):
    """A date or an age as in the header: `value` is None where it is missing, or where `written` is not one."""

    written: str = ""
    value: T | None = None


def _element(tag: int, *, term: bool = False) -> str:
    """Declare a field's element: a text, or a defined term, of which a refusal may quote nothing else."""
    return field(default="", metadata={"tag": tag, "term": term})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedProcedure:
    """What the Request Attributes Sequence says of the order that a film answers; '' where it says nothing.

    `code` is the procedure's: value, scheme and meaning.
    """

    accession_number: str = ""
    study_uid: str = ""
    procedure_id: str = ""
    description: str = ""
    step_id: str = ""
    step_description: str = ""
    code: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomHeader:
    """The header of one film. A text is '' where it is missing; `warnings` names what cannot be meant.

    `birth_date` is what the header states; `born` is None where that cannot be true. `pixel_spacing` is in
    millimetres, between rows and between columns.
    """

    sop_class: str = _element(0x00080016)
    instance_uid: str = _element(0x00080018)
    study_uid: str = _element(0x0020000D)
    series_uid: str = _element(0x0020000E)
    patient_id: str = _element(0x00100020)
    issuer: str = _element(0x00100021)
    name: PersonName = field(default_factory=PersonName)
    sex: str = ""
    birth_date: HeaderValue[date] = HeaderValue()
    born: date | None = None
    age: HeaderValue[float] = HeaderValue()
    study_date: HeaderValue[date] = HeaderValue()
    acquisition_date: HeaderValue[date] = HeaderValue()
    study_time: str = _element(0x00080030)
    timezone: str = _element(0x00080201)
    accession_number: str = _element(0x00080050)
    referring_physician: str = _element(0x00080090)
    study_id: str = _element(0x00200010)
    study_description: str = _element(0x00081030)
    ethnic_group: str = _element(0x00102160)
    manufacturer: str = _element(0x00080070)
    model_name: str = _element(0x00081090)
    series_description: str = _element(0x0008103E)
    modality: str = _element(0x00080060, term=True)
    body_part: str = _element(0x00180015, term=True)
    view: str = _element(0x00185101, term=True)
    laterality: str = ""
    pixel_spacing: tuple[float, float] | None = None
    requested: RequestedProcedure | None = None
    encrypted: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def years(self) -> float | None:
        """The patient's age in years: as written, or else from birth to the day on which the film was taken.

        Where no such day is stated, it is the age today of whoever is a child still, and so was one then; of others it
        is not known.
        """
        if self.age.value is not None or self.born is None:
            return self.age.value
        if not self._days:
            today = _years(self.born, latest_day())
            return today if today < ADULT else None
        return next((_years(self.born, day) for day in self._days if day >= self.born), None)

    @property
    def taken_on(self) -> date | None:
        """The day on which the film was taken, where the header states one that can be meant."""
        return next(iter(self._days), None)

    @property
    def _days(self) -> list[date]:
        """The days that the header states for the film and that can be meant, the likeliest first."""
        days = (self.acquisition_date.value, self.study_date.value)
        return [day for day in days if day and _FIRST_FILM <= day <= latest_day()]


_ELEMENTS = [(one.name, one.metadata["tag"], one.metadata["term"]) for one in fields(DicomHeader) if one.metadata]


def read_header(data: bytes) -> DicomHeader | None:
    """Read the header of a file; None where it cannot be read, since its reading will state the reason."""
    try:
        return header_of(read_elements(data)[1])
    except Refusal:
        return None


def kept_number(stated: str) -> str:
    """Return an identifier or its issuer, or an accession number, as it is kept.

    DICOM has no longer ones than 64 characters. Where a file has, it does not become that of everybody whose begins
    alike: a hash of the whole takes the place of its end.
    """
    number = stated.strip()
    if len(number) <= MOST_NUMBER:
        return number
    told_apart = hashlib.sha256(number.encode(errors="replace")).hexdigest()[:16]
    return f"{number[: MOST_NUMBER - 1 - len(told_apart)]}~{told_apart}"


def latest_day() -> date:
    """Return the day of the place that is furthest ahead, since a header does not say where its film was taken."""
    return datetime.now(_FURTHEST_AHEAD).date()


def header_of(elements: Elements, today: date | None = None) -> DicomHeader:
    """Read the header from a file's elements; `today` is by default the latest day that it is anywhere."""
    text = TextDecoder(elements)
    today = today or latest_day()
    birth_date, study_date, age = _date(text.line(_BIRTH_DATE)), _date(text.line(_STUDY_DATE)), _age(text.line(_AGE))
    return DicomHeader(
        **{name: elements.text(tag) if term else text.line(tag) for name, tag, term in _ELEMENTS if tag in elements},
        name=text.name(_NAME),
        sex=_sex(text.line(_SEX)),
        birth_date=birth_date,
        born=birth_date.value if birth_date.value and is_possible_birth(birth_date.value, today) else None,
        age=age,
        study_date=study_date,
        acquisition_date=_date(text.line(_ACQUISITION_DATE)),
        laterality=elements.text(_IMAGE_LATERALITY) or elements.text(_LATERALITY),
        pixel_spacing=_pixel_spacing(elements),
        requested=_requested(elements, text),
        encrypted=_ENCRYPTED in elements,
        warnings=_warnings(birth_date, study_date, age, today),
    )


def _requested(elements: Elements, text: TextDecoder) -> RequestedProcedure | None:
    """Read the first item of the Request Attributes Sequence (PS3.3, C.7.3.1)."""
    try:
        item = elements.first_item(_REQUESTS)
        codes = item.first_item(_PROCEDURE_CODES) if item else None
    except Refusal:  # a damaged item is no reason to leave out the rest
        return None
    if item is None:
        return None
    of_item, code = text.of_item(item), text.of_item(codes) if codes else None
    return RequestedProcedure(
        accession_number=of_item.line(0x00080050),
        study_uid=of_item.line(0x0020000D),
        procedure_id=of_item.line(0x00401001),
        description=of_item.line(0x00321060),
        step_id=of_item.line(0x00400009),
        step_description=of_item.line(0x00400007),
        code=(code.line(0x00080100), code.line(0x00080102), code.line(0x00080104)) if code else None,
    )


def is_possible_birth(born: date, today: date) -> bool:
    """Return whether somebody alive may be born on that day: not after today, at most 120 years ago."""
    return (today.year - MAX_AGE, today.month, today.day) <= (born.year, born.month, born.day) and born <= today


def _warnings(
    born: HeaderValue[date], studied: HeaderValue[date], age: HeaderValue[float], today: date
) -> tuple[str, ...]:
    dates = (
        any(one.written and one.value is None for one in (born, studied)),
        born.value is not None and not is_possible_birth(born.value, today),
        studied.value is not None and studied.value > today,
        born.value is not None and studied.value is not None and born.value > studied.value,
    )
    found = (any(dates), IMPOSSIBLE_DATE), (bool(age.written) and age.value is None, UNREADABLE_AGE)
    return tuple(code for holds, code in found if holds)


def _years(born: date, day: date) -> float:
    return (day - born).days / 365.25


def _sex(text: str) -> str:
    sex = text[:1].upper()
    return sex if sex in ("F", "M", "O") else ""


def _date(text: str) -> HeaderValue[date]:
    """Read a date as PS3.5 writes it, with the dots of its predecessor or the dashes of ISO 8601."""
    found = re.fullmatch(r"(\d{4})([.-]?)(\d\d)\2(\d\d)", text, re.ASCII)
    try:
        return HeaderValue(written=text, value=date(int(found[1]), int(found[3]), int(found[4])) if found else None)
    except ValueError:
        return HeaderValue(written=text)


def _age(text: str) -> HeaderValue[float]:
    """Read an age as PS3.5 writes it; a plausible number without a letter means years."""
    found = re.fullmatch(r"(\d{1,4}(?:[.,]\d+)?)\s*([DWMY]?)[A-Z]*\.?", text.upper(), re.ASCII)
    if not found or (found[0][-1:].isalpha() and not found[2]):
        return HeaderValue(written=text)
    years = float(found[1].replace(",", ".")) * _YEARS_PER[found[2] or "Y"]
    return HeaderValue(written=text, value=years if years <= MAX_AGE + 30 else None)


def _pixel_spacing(elements: Elements) -> tuple[float, float] | None:
    for tag in (_SPACING, _IMAGER_SPACING):
        spacing = elements.numbers(tag)
        if len(spacing) == 2 and np.greater(spacing, 0).all():
            return spacing[0], spacing[1]
    return None
