"""The conformance statement says what the code does."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian

from dicom_files import dicom_file
from film_results import FACTS
from lungwise.dicom.archives import _is_kept
from lungwise.dicom.commitment import PUSH_MODEL
from lungwise.dicom.limits import LARGEST_PDU
from lungwise.dicom.node import _entity
from lungwise.dicom.storage import OBJECT_CLASSES, STORAGE_CLASSES
from lungwise.dicom.worklist_scp import WORKLIST
from lungwise.dicomweb import query, store
from lungwise.films.dicom.pixel_data import TRANSFER_SYNTAXES
from lungwise.orders.scheduled import MOST_FOUND
from lungwise.reading.extent import Difference, Extent
from lungwise.reading.findings import FINDING_NAMES, FINDINGS
from lungwise.reading.reading import Normal, Reading, Verdict
from lungwise.results.result import Statement
from lungwise.results.result_objects import FilmResult, ReadFilm, film_object, result_objects, study_objects
from lungwise.results.simpler_reports import SIMPLER_CLASSES
from lungwise.results.structured_report import DIRECTIONS, VERDICTS
from lungwise.settings import Settings
from lungwise.studies.extent_changes import ExtentChange
from lungwise.studies.pictures import LARGEST

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise

NOBODYS = replace(
    FACTS, patient_id="", patient_name="", sex="", birth_date=None, made_at=datetime(2026, 1, 1, tzinfo=UTC)
)
"""Of a film that names no patient."""
PAGE = (Path(__file__).parents[2] / "docs" / "dicom-conformance.md").read_text(encoding="utf-8")


def section(number: str) -> str:
    found = re.search(rf"^#+ {re.escape(number)} .*?(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, number
    return found[0]


def rows(number: str, head: str = "") -> list[list[str]]:
    """The rows of a section's table, of the one whose first column has this head."""
    lines = section(number).splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith(f"| {head}"))
    table = itertools.takewhile(lambda line: line.startswith("|"), lines[begin + 2 :])
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def column(number: str, which: int, head: str = "") -> set[str]:
    return {row[which] for row in rows(number, head)}


def read() -> Reading:
    return Reading(
        probability=0.9,
        verdict=Verdict.POSITIVE,
        appearance={},
        findings=dict.fromkeys(FINDING_NAMES, 0.5),
        normal=Normal(probability=0.02, called=False),
        pattern="COVID-19",
        raised=("COVID-19",),
        heat_map=np.ones((17, 17), np.float32),
        quarter_turns=0,
        model="model",
        version="1",
        extent=Extent(percent=40.0, brixia=8.0, repeatability=18.0),
    )


@pytest.fixture(scope="module")
def results() -> list[Dataset]:
    difference = Difference(points=20.0, repeatability=18.0)
    change = ExtentChange(film="f", taken_on=date(2026, 3, 1), before=20.0, now=40.0, difference=difference)
    film = dicom_file(np.tile(np.arange(96, dtype=np.uint16), (80, 1)))
    return result_objects(
        film,
        NOBODYS,
        FilmResult(outcome=read(), model="model", version="1", made_at=NOBODYS.made_at, change=change),
        b"%PDF",
    )


def test_the_classes_and_syntaxes_that_the_node_takes() -> None:
    assert column("4.2.1.1", 1) == {"1.2.840.10008.1.1", PUSH_MODEL, WORKLIST, *STORAGE_CLASSES, *OBJECT_CLASSES}
    assert column("4.2.1.5", 1) == set(TRANSFER_SYNTAXES)


def test_the_classes_and_syntaxes_of_the_results(results: list[Dataset]) -> None:
    assert column("4.2.2.1", 1) == {item.SOPClassUID for item in results} | {*SIMPLER_CLASSES}
    syntaxes = {item.file_meta.TransferSyntaxUID for item in results} | {ImplicitVRLittleEndian}
    assert column("4.2.2.3", 1, "transfer syntax") == syntaxes


def test_the_statuses_of_the_node() -> None:
    source = (Path(__file__).parents[2] / "src" / "lungwise" / "dicom" / "node.py").read_text(encoding="utf-8")
    statuses = re.search(r"^_SUCCESS, .* = (.*)$", source, re.MULTILINE)
    assert statuses
    assert column("4.2.1.6", 0) == {status.removeprefix("0x").upper() for status in statuses[1].split(", ")}


def test_the_statuses_of_a_query_of_the_worklist() -> None:
    source = (Path(__file__).parents[2] / "src" / "lungwise" / "dicom" / "worklist_scp.py").read_text(encoding="utf-8")
    statuses = re.findall("0x([0-9A-F]{4})", source)
    assert column("4.2.1.9", 0, "status") == {"0000", *statuses}
    assert f"at most {MOST_FOUND} orders" in section("4.2.1.9")


def test_every_address_of_dicomweb(app: Lungwise) -> None:
    has = {
        "`" + method + " " + re.sub("<[a-z]+:([a-z]+)>", r"{\1}", rule.rule) + "`"
        for rule in app.dicomweb.url_map.iter_rules()
        for method in {"GET", "POST"} & (rule.methods or set())
    }
    assert column("4.2.3", 0) == has


def test_the_failure_reasons_and_bounds_of_dicomweb() -> None:
    reasons = (store.NOT_SUPPORTED, store.OUT_OF_RESOURCES, store.OF_ANOTHER_STUDY, store.NOT_UNDERSTOOD)
    assert column("4.2.3.1", 0) == {f"{reason:04X}" for reason in reasons}
    assert f"at most {query.LARGEST_LIMIT}" in section("4.2.3.2") and f"newest {query.MOST_EXAMINED}" in section(
        "4.2.3.2"
    )


def test_the_overview_names_what_the_rest_does(results: list[Dataset]) -> None:
    overview = {row[0]: row[1:] for row in rows("1")}
    taken = {row[0] for row in rows("4.2.1.1")}
    several = {name for name in taken if name.startswith("Multi-frame")}
    assert {name for name, (_scu, scp) in overview.items() if scp == "yes"} == (taken - several) | {
        "Multi-frame Secondary Capture Image Storage, four classes"
    }
    assert len(several) == 4
    sent = {item.SOPClassUID.name for item in results} | {kind.name for kind in SIMPLER_CLASSES}
    assert {name for name, (scu, _scp) in overview.items() if scu == "yes"} == sent | {
        "Storage Commitment Push Model",
        *(row[0] for row in rows("4.2.2.5")),
    }


def test_the_statuses_that_the_sender_takes_for_an_acknowledgement() -> None:
    said = {row[0] for row in rows("4.2.2.3", "status") if "is acknowledged" in row[1] and "where" not in row[1]}
    kept = {f"{status:04X}" for status in range(1 << 16) if _is_kept(status)}
    assert {"Bxxx" if status.startswith("B") else status for status in kept} == said


def test_every_attribute_of_the_results_is_in_the_table_and_nothing_else(results: list[Dataset]) -> None:
    objects = [*results, synthetic_film()]
    for row in rows("8.1.1"):
        tag = Tag(int(row[0].strip("()").replace(",", ""), 16))
        assert dictionary_description(tag) == row[1]
        for item, said in zip(objects, row[2:], strict=True):
            assert said.endswith(", if any") or (tag in item) == (said != "-"), (row[1], item.Modality)
            if said not in SOURCES:
                assert item[tag].to_json_dict(None, 0)["Value"] == _values(said, item[tag].VR), row[1]
            assert said != "empty" or item[tag].is_empty
    listed = {row[0] for row in rows("8.1.1")}
    assert {str(element.tag).upper() for item in objects for element in item} <= listed


def test_the_objects_of_a_further_film_have_its_number() -> None:
    film = dicom_file(np.tile(np.arange(96, dtype=np.uint16), (80, 1)))
    result = FilmResult(outcome=read(), model="model", version="1", made_at=NOBODYS.made_at)
    films = [ReadFilm(data=film, facts=NOBODYS, result=result)] * 2
    report, *of_films, document = study_objects(films, Statement(pdf=b"%PDF"))
    said = next(row[2:7] for row in rows("8.1.1") if row[1] == "Instance Number")
    for number, of_film in enumerate((of_films[:3], of_films[3:]), start=1):
        found = [item.InstanceNumber for item in (report, *of_film, document)]
        assert found == [number if one == "number" else int(one) for one in said]


def _values(said: str, vr: str) -> list[object]:
    return [int(one) if vr in ("IS", "US") else one for one in said.split("\\")]


SOURCES = {"film", "film, if any", "own, if any", "model", "version", "time", "begun", "number", "own", "empty", "-"}


def synthetic_film() -> Dataset:
    """A film that came as JPEG, as an object."""
    out = io.BytesIO()
    Image.fromarray(np.tile(np.arange(96, dtype=np.uint8), (80, 1))).save(out, "JPEG")
    film = film_object(out.getvalue(), NOBODYS)
    assert film is not None
    return film


def test_the_codes_of_the_results(results: list[Dataset]) -> None:
    coded = {str(code.CodeValue) for code in VERDICTS.values()} | {finding.code.value for finding in FINDINGS}
    coded |= {str(code.CodeValue) for code in DIRECTIONS.values()}
    extent = {"112001", "39607008", "opacity-extent", "brixia-score", "opacity-change", "course", "heat-level"}
    assert coded | extent | {"399208008", "verdict"} == column("8.3", 1)
    report = results[0].to_json()
    assert all(f'"{code}"' in report for code in ("399208008", "verdict", "122157", "99LUNGWISE", *extent))


def test_the_implementation(results: list[Dataset], settings: Settings) -> None:
    meta = results[0].file_meta
    for number in ("5", "4.2.1.2"):
        assert meta.ImplementationClassUID in section(number)
        assert str(meta.ImplementationVersionName) in section(number)
    entity = _entity(settings)
    assert (entity.implementation_class_uid, entity.implementation_version_name) == (
        meta.ImplementationClassUID,
        meta.ImplementationVersionName,
    )
    assert f"received: {LARGEST_PDU} bytes" in section("4.2.1.2")


def test_the_parameters_and_what_they_are_by_default() -> None:
    has = {
        f"`{name}`": str(field.default or "none")
        for name, field in Settings.model_fields.items()
        if name.startswith(("node_", "send_", "priors_", "worklist_"))
    }
    assert {row[0]: row[1] for row in rows("4.4.2")} == has


def test_every_section_of_the_standards_form_is_there() -> None:
    """PS3.2, annex A."""
    assert [line.split()[1] for line in PAGE.splitlines() if line.startswith("## ")] == [str(n) for n in range(9)]
    form = "4.1.1 4.1.2 4.1.3 4.2 4.3.1 4.3.2 4.3.3 4.4.1 4.4.2 7.1 7.2 7.3 8.1.1 8.1.2 8.1.3 8.1.4 8.2 8.3 8.4 8.5 8.6"
    assert all(section(number) for number in form.split())


def test_the_contents_of_rendered_answers() -> None:
    assert f"at most {LARGEST} pixels" in section("4.2.3.3")
