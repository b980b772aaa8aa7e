"""The conformance statement says what the code does."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_files import dicom_file
from lungwise.dicom.result import SERIES
from lungwise.dicom.results import Answer, Result, StudyFacts, result_objects
from lungwise.dicom.storage import STORAGE_CLASSES
from lungwise.dicom.structured_report import FINDINGS, VERDICTS
from lungwise.dicomweb import query, store
from lungwise.films.pixel_data import TRANSFER_SYNTAXES
from lungwise.reading.reading import Verdict
from lungwise.settings import Settings

if TYPE_CHECKING:
    from lungwise.web.app import Lungwise

PAGE = (Path(__file__).parents[2] / "docs" / "dicom-conformance.md").read_text(encoding="utf-8")


def section(number: str) -> str:
    found = re.search(rf"^#+ {re.escape(number)} .*?(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, number
    return found[0]


def column(number: str, which: int) -> set[str]:
    rows = [line.strip("|").split("|") for line in section(number).splitlines() if line.startswith("|")]
    return {row[which].strip() for row in rows[2:]}


@pytest.fixture(scope="module")
def results() -> list[Dataset]:
    heat = np.ones((17, 17), np.float32)
    answer = Answer(0.9, Verdict.POSITIVE, dict.fromkeys(FINDINGS, 0.5), heat)
    facts = StudyFacts("2.25.1", "2.25.2", "2.25.3", "", "", "", None, datetime(2026, 1, 1, tzinfo=UTC))
    film = dicom_file(np.tile(np.arange(96, dtype=np.uint16), (80, 1)))
    return result_objects(film, facts, Result(answer, "model", "1", facts.made_at), b"%PDF")


def test_the_classes_and_syntaxes_that_the_node_takes() -> None:
    assert column("3.2.1", 1) == {"1.2.840.10008.1.1", *STORAGE_CLASSES}
    assert column("3.2.2", 1) == set(TRANSFER_SYNTAXES)


def test_the_classes_and_syntaxes_of_the_results(results: list[Dataset]) -> None:
    assert column("3.3.1", 1) == {item.SOPClassUID for item in results}
    assert column("3.3.2", 1) == {item.file_meta.TransferSyntaxUID for item in results}


def test_the_statuses_of_the_node() -> None:
    source = (Path(__file__).parents[2] / "src" / "lungwise" / "dicom" / "node.py").read_text(encoding="utf-8")
    statuses = re.search(r"^_SUCCESS, .* = (.*)$", source, re.MULTILINE)
    assert statuses
    assert column("3.2.3", 0) == {status.removeprefix("0x").upper() for status in statuses[1].split(", ")}


def test_every_address_of_dicomweb(app: Lungwise) -> None:
    has = {
        f"`{method} {rule.rule.replace('<uid:', '{').replace('>', '}')}`"
        for rule in app.dicomweb.url_map.iter_rules()
        for method in {"GET", "POST"} & (rule.methods or set())
    }
    assert column("3.4", 0) == has


def test_the_failure_reasons_and_bounds_of_dicomweb() -> None:
    reasons = (store.NOT_SUPPORTED, store.OUT_OF_RESOURCES, store.OF_ANOTHER_STUDY, store.NOT_UNDERSTOOD)
    assert column("3.4.1", 0) == {f"{reason:04X}" for reason in reasons}
    assert f"at most {query.MOST}" in section("3.4.2") and f"newest {query.MOST_EXAMINED}" in section("3.4.2")


def test_the_series_and_codes_of_the_results(results: list[Dataset]) -> None:
    assert all(f"{one.modality}, number {one.number}" in section("7.1") for one in SERIES.values())
    coded = {str(code.CodeValue) for code in (*FINDINGS.values(), *VERDICTS.values())}
    assert coded | {"399208008", "verdict"} == column("7.2", 1)
    report = results[0].to_json()
    assert all(f'"{code}"' in report for code in ("399208008", "verdict", "122157", "99LUNGWISE"))


def test_the_implementation(results: list[Dataset]) -> None:
    meta = results[0].file_meta
    assert meta.ImplementationClassUID in section("4") and str(meta.ImplementationVersionName) in section("4")


@pytest.mark.parametrize("setting", ["node_", "send_to"])
def test_the_settings_that_it_names_exist(setting: str) -> None:
    assert any(name.startswith(setting) for name in Settings.model_fields) and f"`{setting}" in PAGE
