from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode

from lungwise.dicom.worklist import answer, read_query
from lungwise.errors import Rejected
from lungwise.orders.order import OrderRequest, OrderWay
from lungwise.orders.scheduled import Scheduled
from lungwise.orders.service import Order
from lungwise.patients.service import Patient, PatientFacts

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # of what the queries have wrong on purpose
DELHI = timezone(timedelta(hours=5, minutes=30))


def scheduled(name: str = "Bartók^Béla") -> Scheduled:
    patient = Patient(key="p", identifier_index="", identity_index="")
    patient.facts = PatientFacts(identifier="H-7", name=name, sex="M", birth_date=date(1881, 3, 25), issuer="HILL")
    order = Order(key="o", modality="DX", station="", urgency="stat", way=OrderWay.PAGE, study_uid="1.2.3")
    order.accession, order.reason, order.referring_physician, order.ordered_by = "A1", "cough", "Kodály^Zoltán", "Ada"
    order.procedure, order.scheduled_at = OrderRequest().procedure, datetime(2026, 3, 2, 20, tzinfo=UTC)
    return Scheduled(order=order, patient=patient)


def query(**step: str) -> Dataset:
    """Ask for the usual attributes."""
    keys = Dataset()
    for name in ("PatientName", "PatientID", "AccessionNumber", "StudyInstanceUID", "PatientBirthDate", "AdmissionID"):
        setattr(keys, name, "")
    keys.RequestedProcedurePriority = ""
    item = Dataset()
    for name in ("Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "ScheduledStationName"):
        setattr(item, name, step.get(name, ""))
    keys.ScheduledProcedureStepSequence = [item]
    return keys


def test_an_answer_has_what_was_asked_for_and_no_more() -> None:
    found = answer(scheduled("Bartok^Bela"), query(), "CR1", DELHI)
    step = found.ScheduledProcedureStepSequence[0]
    assert (str(found.PatientName), found.PatientID, found.PatientBirthDate) == ("Bartok^Bela", "H-7", "18810325")
    assert (found.AccessionNumber, found.StudyInstanceUID, found.RequestedProcedurePriority) == ("A1", "1.2.3", "STAT")
    assert not found.AdmissionID
    assert not step.ScheduledStationName
    assert (step.Modality, step.ScheduledStationAETitle) == ("DX", "CR1")
    assert step.ScheduledProcedureStepStartDate == "20260303"
    assert "SpecificCharacterSet" not in found
    assert "PatientSex" not in found


@pytest.mark.parametrize(
    ("name", "asked", "used"),
    [
        ("Bartok", "ISO_IR 100", None),
        ("Bartók", "ISO_IR 100", "ISO_IR 100"),
        ("Bartók", "", "ISO_IR 100"),
        ("Dvořák", "ISO_IR 101", "ISO_IR 101"),
        ("Dvořák", "ISO_IR 100", "ISO_IR 192"),
        ("सुनीता", "nonsense", "ISO_IR 192"),
    ],
)
def test_a_name_comes_in_a_character_set_that_has_its_letters(name: str, asked: str, used: str | None) -> None:
    keys = query()
    keys.SpecificCharacterSet = asked
    found = answer(scheduled(name), keys, "CR1", UTC)
    assert found.get("SpecificCharacterSet") == used
    written = encode(found, False, True)
    assert written
    assert str(decode(BytesIO(written), False, True).PatientName) == name


def test_days_are_those_of_the_clinic() -> None:
    asked = read_query(query(ScheduledProcedureStepStartDate="20260303-", Modality="CR"), DELHI)
    assert (asked.first, asked.last, asked.modality) == (datetime(2026, 3, 2, 18, 30, tzinfo=UTC), None, "CR")
    day = read_query(query(ScheduledProcedureStepStartDate="20260303"), UTC)
    assert (day.first, day.last) == (datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC))


@pytest.mark.parametrize("day", ["20260230", "tomorrow", "2026", "20260301-20260399", "00000000", "99999999"])
def test_what_is_no_day_is_refused(day: str) -> None:
    with pytest.raises(Rejected):
        read_query(query(ScheduledProcedureStepStartDate=day), UTC)


def test_a_query_of_very_many_attributes_is_refused() -> None:
    keys = query()
    for number in range(300):
        keys.add_new(0x00400000 + 0x3000 + number, "LO", "")
    with pytest.raises(Rejected):
        read_query(keys, UTC)


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_do_harm(data: bytes, implicit: bool) -> None:
    with suppress(Exception):  # what pydicom cannot read, the node answers with a status
        keys = decode(BytesIO(data), implicit, True)
        with suppress(Rejected):
            read_query(keys, UTC)
            answer(scheduled(), keys, "CR1", UTC)
