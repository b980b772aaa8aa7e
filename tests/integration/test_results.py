"""The result objects of real films, made with the shipped model, before the checks of dicom3tools."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from dicom_checks import disagreements, drawn, dumped, errors_of, unwrapped
from dicom_files import dicom_file
from film_results import FACTS, MADE_AT
from lungwise.films import Refusal, open_film
from lungwise.reading import Reader, Reading
from lungwise.reading.regions import LEVEL
from lungwise.results.result_objects import FilmResult, file_bytes, film_object, result_objects


def _report() -> bytes:
    """Write any PDF."""
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "PDF")
    return out.getvalue()


REPORT = _report()
COMPUTED_RADIOGRAPHY = ("RG1_UNCI.dcm", "RG3_UNCR.dcm", "RG1_J2KR.dcm", "RG3_J2KI.dcm")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def result_of(data: bytes, reader: Reader) -> FilmResult:
    try:
        reading = reader.read(open_film(data))
    except Refusal as refusal:
        return FilmResult(
            outcome=refusal, model=reader.artefact.card.name, version=reader.artefact.card.version, made_at=MADE_AT
        )
    return FilmResult(outcome=reading, model=reading.model, version=reading.version, made_at=MADE_AT)


def dicom_of(jpeg: Path, number: int) -> bytes:
    words = np.asarray(Image.open(jpeg).convert("L")).astype(np.uint16) * 16
    return dicom_file(
        words,
        BitsStored=12,
        StudyInstanceUID=f"1.2.3.{number}",
        SeriesInstanceUID=f"1.2.3.{number}.1",
        SOPInstanceUID=f"1.2.3.{number}.1.1",
        SOPClassUID=("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1")[number % 2],
        Modality=("CR", "DX")[number % 2],
        PatientID=f"P{number}",
        PatientName="Doe^Jane",
        StudyDate="20260102",
        StudyTime="101112",
    )


def is_hot(result: FilmResult) -> bool:
    """Whether the heat map reaches the level from which on it is outlined."""
    return isinstance(result.outcome, Reading) and bool(result.outcome.heat_map.max() >= LEVEL)


@pytest.mark.films
def test_the_objects_of_ten_real_films_are_valid(films_folder: Path, reader: Reader, tmp_path: Path) -> None:
    with (films_folder / "films.csv").open(encoding="utf-8") as file:
        sources = {line["source"]: line["film"] for line in csv.DictReader(file) if line["split"] == "test"}
    chosen = sorted(sources.values())[:10]
    assert len(chosen) == 10
    read = 0
    for number, name in enumerate(chosen):
        data = dicom_of(films_folder / name, number)
        result = result_of(data, reader)
        objects = result_objects(data, FACTS, result, REPORT)
        answered = isinstance(result.outcome, Reading)
        read += answered
        outlines = ["PR", "SEG"] if is_hot(result) else []
        assert [item.Modality for item in objects] == (["SR", "OT", *outlines, "DOC"] if answered else ["SR", "DOC"])
        assert {item.StudyInstanceUID for item in objects} == {f"1.2.3.{number}"}
        assert [error for item in objects for error in errors_of(item, tmp_path)] == []
        assert disagreements([data, *map(file_bytes, objects)], tmp_path) == []
        assert reader.artefact.card.version in dumped(objects[0], tmp_path)
        assert unwrapped(objects[-1], tmp_path) == REPORT
        if answered:
            assert np.array_equal(drawn(objects[1], tmp_path), objects[1].pixel_array)
    assert read >= 8


@pytest.mark.parametrize("name", COMPUTED_RADIOGRAPHY)
def test_the_objects_of_computed_radiographs_are_valid(name: str, reader: Reader, tmp_path: Path) -> None:
    path = get_testdata_file(name, download=False)
    assert path, f"pydicom-data lacks {name}"
    data = Path(str(path)).read_bytes()
    objects = result_objects(data, FACTS, result_of(data, reader), REPORT)
    assert [error for item in objects for error in errors_of(item, tmp_path)] == []
    assert dumped(objects[0], tmp_path)


@pytest.mark.films
def test_a_jpeg_as_uploaded_gives_valid_objects_too(films_folder: Path, reader: Reader, tmp_path: Path) -> None:
    with (films_folder / "films.csv").open(encoding="utf-8") as file:
        name = next(line["film"] for line in csv.DictReader(file) if line["split"] == "test")
    data = (films_folder / name).read_bytes()
    result = result_of(data, reader)
    objects = result_objects(data, FACTS, result, REPORT)
    film = film_object(data, FACTS)
    assert film is not None
    objects.append(film)
    assert [item.Modality for item in objects] == ["SR", "OT", *(["PR", "SEG"] if is_hot(result) else []), "DOC", "OT"]
    assert [error for item in objects for error in errors_of(item, tmp_path)] == []
    assert io.BytesIO(objects[-2].EncapsulatedDocument).read(4) == b"%PDF"
