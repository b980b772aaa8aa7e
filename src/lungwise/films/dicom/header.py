"""What a DICOM header says of a film: whose it is, of which study, how old the patient was; each value read once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from lungwise.films.dicom.elements import Elements, read_elements
from lungwise.films.dicom.text import PersonName, TextDecoder
from lungwise.films.refusals import IMPOSSIBLE_DATE, UNREADABLE_AGE, Refusal

OLDEST = 120
"""Years that nobody lives."""
_YEARS_PER = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}

NOBODY = PersonName()


@dataclass(frozen=True, slots=True)
class HeaderDate:
    """A date as a header has it: `value` is None where it is missing, or `written` as no day that there is."""

    written: str = ""
    value: date | None = None


@dataclass(frozen=True, slots=True)
class HeaderAge:
    """An age as a header has it: `years` is None where it is missing, or `written` as no age that there is."""

    written: str = ""
    years: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomHeader:
    """The header of one film. A text is '' where it is missing; `warnings` names what cannot be meant.

    `born` is the birth date as far as it can be true; `birth_date` what stands there.
    """

    sop_class: str = ""
    instance_uid: str = ""
    study_uid: str = ""
    series_uid: str = ""
    patient_id: str = ""
    issuer: str = ""
    name: PersonName = NOBODY
    sex: str = ""
    birth_date: HeaderDate = HeaderDate()
    born: date | None = None
    age: HeaderAge = HeaderAge()
    study_date: HeaderDate = HeaderDate()
    study_time: str = ""
    timezone: str = ""
    accession_number: str = ""
    referring_physician: str = ""
    study_id: str = ""
    study_description: str = ""
    ethnic_group: str = ""
    manufacturer: str = ""
    model_name: str = ""
    series_description: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def years(self) -> float | None:
        """The patient's age in years: as written, or else from birth and study."""
        if self.age.years is not None:
            return self.age.years
        if self.born is None or self.study_date.value is None or self.study_date.value < self.born:
            return None
        return (self.study_date.value - self.born).days / 365.25


def read_header(data: bytes) -> DicomHeader | None:
    """Read the header of a file; None where it cannot be read: its reading will say what is wrong with it."""
    try:
        return header_of(read_elements(data)[1])
    except Refusal:
        return None


def header_of(elements: Elements, today: date | None = None) -> DicomHeader:
    """Give the header that lies in a file's elements."""
    text = TextDecoder(elements)
    today = today or datetime.now(UTC).date()
    birth_date, study_date = (_date(text.line(tag)) for tag in (0x00100030, 0x00080020))
    age = _age(text.line(0x00101010))
    return DicomHeader(
        sop_class=text.line(0x00080016),
        instance_uid=text.line(0x00080018),
        study_uid=text.line(0x0020000D),
        series_uid=text.line(0x0020000E),
        patient_id=text.line(0x00100020),
        issuer=text.line(0x00100021),
        name=text.name(0x00100010),
        sex=_sex(text.line(0x00100040)),
        birth_date=birth_date,
        born=birth_date.value if birth_date.value and is_possible_birth(birth_date.value, today) else None,
        age=age,
        study_date=study_date,
        study_time=text.line(0x00080030),
        timezone=text.line(0x00080201),
        accession_number=text.line(0x00080050),
        referring_physician=text.line(0x00080090),
        study_id=text.line(0x00200010),
        study_description=text.line(0x00081030),
        ethnic_group=text.line(0x00102160),
        manufacturer=text.line(0x00080070),
        model_name=text.line(0x00081090),
        series_description=text.line(0x0008103E),
        warnings=_warnings(birth_date, study_date, age, today),
    )


def is_possible_birth(born: date, today: date) -> bool:
    """Say whether somebody who lives may be born on that day: not after today, not more than 120 years ago."""
    return (today.year - OLDEST, today.month, today.day) <= (born.year, born.month, born.day) and born <= today


def _warnings(born: HeaderDate, studied: HeaderDate, age: HeaderAge, today: date) -> tuple[str, ...]:
    dates = (
        any(one.written and one.value is None for one in (born, studied)),
        born.value is not None and not is_possible_birth(born.value, today),
        studied.value is not None and studied.value > today + timedelta(days=1),  # some places are a day ahead
        born.value is not None and studied.value is not None and born.value > studied.value,
    )
    found = (any(dates), IMPOSSIBLE_DATE), (bool(age.written) and age.years is None, UNREADABLE_AGE)
    return tuple(code for holds, code in found if holds)


def _sex(text: str) -> str:
    sex = text[:1].upper()
    return sex if sex in ("F", "M", "O") else ""


def _date(text: str) -> HeaderDate:
    """Read a date as PS3.5 writes it, or with the dots of its elder or the dashes of ISO 8601."""
    found = re.fullmatch(r"(\d{4})([.-]?)(\d\d)\2(\d\d)", text, re.ASCII)
    try:
        return HeaderDate(text, date(int(found[1]), int(found[3]), int(found[4])) if found else None)
    except ValueError:
        return HeaderDate(text)


def _age(text: str) -> HeaderAge:
    """Read an age as PS3.5 writes it; a number of the height of a lifetime without its letter means years."""
    found = re.fullmatch(r"(\d{1,4}(?:[.,]\d+)?)\s*([DWMY]?)[A-Z]*\.?", text.upper(), re.ASCII)
    if not found or (found[0][-1:].isalpha() and not found[2]):
        return HeaderAge(text)
    years = float(found[1].replace(",", ".")) * _YEARS_PER[found[2] or "Y"]
    return HeaderAge(text, years if years <= OLDEST + 30 else None)
