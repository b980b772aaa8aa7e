from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.films.dicom.elements import Element, Elements, Encoding
from lungwise.films.dicom.header import DicomHeader, header_of, kept_number
from lungwise.films.refusals import IMPOSSIBLE_DATE, UNREADABLE_AGE

TODAY = date(2026, 3, 2)
AGE, BORN, STUDIED = 0x00101010, 0x00100030, 0x00080020


def header(today: date | None = TODAY, /, **values: str) -> DicomHeader:
    tags = {"age": AGE, "born": BORN, "studied": STUDIED, "sex": 0x00100040, "acquired": 0x00080022}
    little = Encoding(order="<", explicit=True)
    found = {name: Element(value=memoryview(text.encode()), vr=b"LO", encoding=little) for name, text in values.items()}
    return header_of(Elements({tags[name]: element for name, element in found.items()}), today)


@pytest.mark.parametrize(
    ("written", "years"),
    [("009Y", 9), ("9", 9), ("62", 62), ("9Y", 9), ("9y ", 9), ("006M", 0.5), ("6 M", 0.5), ("9YRS", 9), ("0.5", 0.5)],
)
def test_an_age_is_read_also_where_it_is_not_as_the_standard_writes_it(written: str, years: float) -> None:
    assert header(age=written).years == pytest.approx(years)
    assert header(age=written).warnings == ()


@pytest.mark.parametrize("written", ["about 9", "9 A", "-1", "1980", "Y", "?"])
def test_an_age_that_cannot_be_understood_is_not_one_that_is_missing(written: str) -> None:
    assert header(age=written).years is None
    assert header(age=written).warnings == (UNREADABLE_AGE,)


@pytest.mark.parametrize("written", ["20240230", "1980", "00000000", "yesterday", "19801301", "20270101", "19060301"])
def test_an_impossible_birth_date_counts_as_unknown_and_says_so(written: str) -> None:
    assert header(born=written).born is None
    assert header(born=written).warnings == (IMPOSSIBLE_DATE,)


@pytest.mark.parametrize("written", ["20260302", "19060302", "1980.01.31", "1980-01-31"])
def test_a_possible_birth_date_is_taken(written: str) -> None:
    assert header(born=written).born == date.fromisoformat(written.replace(".", "-"))
    assert header(born=written).warnings == ()


def test_a_birth_after_the_study_says_so_and_gives_no_age() -> None:
    said = header(born="19700101", studied="19600101")
    assert (said.years, said.warnings) == (None, (IMPOSSIBLE_DATE,))


@pytest.mark.parametrize(
    ("dates", "years"),
    [
        ({"acquired": "20240101", "studied": ""}, 9),
        ({"acquired": "20240101", "studied": "20450101"}, 9),
        ({"acquired": "19700101", "studied": "20240101"}, 9),
        ({"acquired": "18000101", "studied": "20240101"}, 9),
    ],
)
def test_an_age_is_that_on_the_day_on_which_the_film_was_taken(dates: dict[str, str], years: float) -> None:
    assert header(born="20150101", **dates).years == pytest.approx(years, abs=0.01)


@pytest.mark.parametrize("studied", ["", "nonsense", "20450101", "18000101"])
def test_who_is_a_child_today_was_one_on_a_film_of_an_unknown_day(studied: str) -> None:
    today = datetime.now(UTC).date()
    child, adult = (today - timedelta(days=365 * years) for years in (10, 40))

    assert header(today, born=f"{child:%Y%m%d}", studied=studied).years == pytest.approx(10, abs=0.1)
    assert header(today, born=f"{adult:%Y%m%d}", studied=studied).years is None


def test_a_birth_and_a_film_of_the_day_that_begins_first_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 10:30 in Greenwich it is the next day on Kiritimati, and on no place the day after that."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(datetime(2026, 3, 1, 10, 30, tzinfo=UTC).timestamp(), tz)

    monkeypatch.setattr("lungwise.films.dicom.header.datetime", Clock)
    for day, is_taken in (("20260302", True), ("20260303", False)):
        said = header(None, born=day, acquired=day, studied=day)
        assert (said.born is not None) is (said.taken_on is not None) is is_taken
        assert (said.warnings == ()) is is_taken


def test_what_is_absent_is_no_fault() -> None:
    assert header() == DicomHeader()
    assert header(age=" ", born="", studied="", sex="").warnings == ()


@given(*(st.text(max_size=20) for _ in range(4)))
def test_any_header_is_read(age: str, born: str, studied: str, sex: str) -> None:
    said = header(age=age, born=born, studied=studied, sex=sex)
    assert said.sex in ("", "F", "M", "O")
    assert said.years is None or 0 <= said.years <= 150


@pytest.mark.parametrize(
    ("dates", "day"),
    [
        ({"acquired": "20260227", "studied": "20260226"}, date(2026, 2, 27)),
        ({"studied": "20260226"}, date(2026, 2, 26)),
        ({"acquired": "nonsense", "studied": "20260226"}, date(2026, 2, 26)),
        ({"acquired": "29990101", "studied": "20260226"}, date(2026, 2, 26)),
        ({"acquired": "18500101"}, None),
        ({}, None),
    ],
)
def test_a_film_was_taken_when_it_was_acquired_or_on_the_day_of_its_study(
    dates: dict[str, str], day: date | None
) -> None:
    assert header(**dates).taken_on == day


def test_a_number_that_is_longer_than_dicoms_is_not_that_of_all_that_begin_alike() -> None:
    assert kept_number(" A-1 ") == "A-1" and kept_number("1" * 64) == "1" * 64
    assert len({kept_number("1" * 64 + end) for end in ("", "1", "2", " ")}) == 3
    assert len(kept_number("1" * 65)) == 64
