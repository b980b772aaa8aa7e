from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
)

from dicom_checks import dumped, errors_of
from film_results import FACTS, READ, REFUSED
from lungwise.results.result import FilmResult
from lungwise.results.result_objects import file_bytes, result_objects
from lungwise.results.simpler_reports import as_simpler_report, simpler_classes


def test_a_report_has_simpler_classes_and_nothing_else_has() -> None:
    assert simpler_classes(Comprehensive3DSRStorage) == (EnhancedSRStorage, BasicTextSRStorage)
    assert simpler_classes(EncapsulatedPDFStorage) == ()


@pytest.mark.parametrize("result", [READ, REFUSED])
@pytest.mark.parametrize("kind", [EnhancedSRStorage, BasicTextSRStorage])
def test_a_simpler_report_is_a_valid_object_of_its_own(result: FilmResult, kind: UID, tmp_path: Path) -> None:
    report = result_objects(b"a picture", FACTS, result, None)[0]
    before = file_bytes(report)

    simpler = as_simpler_report(report, kind)

    assert errors_of(simpler, tmp_path) == []
    assert "COVID-19" in dumped(simpler, tmp_path)
    assert simpler.SOPInstanceUID == as_simpler_report(report, kind).SOPInstanceUID != report.SOPInstanceUID
    assert file_bytes(report) == before


def test_a_basic_text_report_says_its_numbers_in_words() -> None:
    simpler = as_simpler_report(result_objects(b"a picture", FACTS, READ, None)[0], BasicTextSRStorage)
    assert "0.93" in {item.get("TextValue") for item in content_of(simpler)}
    assert not {"NUM", "SCOORD"} & {item.ValueType for item in content_of(simpler)}


def content_of(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence", []):
        yield child
        yield from content_of(child)
