from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_checks import errors_of
from dicom_files import dicom_bytes, film_dataset
from film_results import FACTS, READ
from lungwise.results.orders import referenced_requests, request_attributes
from lungwise.results.result_objects import result_objects
from lungwise.results.study_header import study_header

WORDS = np.tile(np.arange(256, dtype=np.uint16) * 16, (300, 1))
KEPT = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": "1.2.3.4.5", "PatientID": "7"}


def film(item: Dataset | None = None, **attributes: str) -> bytes:
    made = film_dataset(WORDS, **KEPT, **attributes)
    if item is not None:
        made.RequestAttributesSequence = [item]
    return dicom_bytes(made)


def order() -> Dataset:
    item, code = Dataset(), Dataset()
    item.AccessionNumber, item.RequestedProcedureID, item.ScheduledProcedureStepID = "A-17", "RP1", "SPS1"
    item.RequestedProcedureDescription = "Chest PA, Müller"
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "399208008", "SCT", "Plain X-ray of chest"
    item.RequestedProcedureCodeSequence = [code]
    return item


@pytest.mark.parametrize("accession", ["A-17", ""])
def test_the_order_that_a_film_answers_is_in_its_results(accession: str, tmp_path: Path) -> None:
    data = film(order(), AccessionNumber=accession, SpecificCharacterSet="ISO_IR 100")

    report, capture, outlines, mask, pdf = result_objects(data, FACTS, READ, b"%PDF")

    (request,) = report.ReferencedRequestSequence
    assert (request.AccessionNumber, request.RequestedProcedureID, request.StudyInstanceUID) == ("A-17", "RP1", "1.2.3")
    for item in (capture, outlines, mask, pdf):
        (said,) = item.RequestAttributesSequence
        assert (said.RequestedProcedureID, said.ScheduledProcedureStepID) == ("RP1", "SPS1")
        assert said.RequestedProcedureDescription == "Chest PA, Müller"
        assert said.RequestedProcedureCodeSequence[0].CodeValue == "399208008"
    assert {item.AccessionNumber for item in (report, capture, outlines, mask, pdf)} == {"A-17"}
    assert [error for item in (report, capture, outlines, mask, pdf) for error in errors_of(item, tmp_path)] == []


def test_an_accession_number_alone_is_an_order_and_nothing_is_none(tmp_path: Path) -> None:
    named, unnamed = (study_header(film(AccessionNumber=number), FACTS) for number in ("A-18", ""))
    assert [one.AccessionNumber for one in referenced_requests(named)] == ["A-18"]
    assert request_attributes(named) == request_attributes(unnamed) == referenced_requests(unnamed) == []
    report = result_objects(film(AccessionNumber="A-18"), FACTS, READ, None)[0]
    assert errors_of(report, tmp_path) == []
