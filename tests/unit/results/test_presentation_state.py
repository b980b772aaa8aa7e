"""The outlines on a film, as dcmtk and highdicom read them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from highdicom.sr import srread
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import dcmread

from dicom_checks import errors_of
from dicom_files import dicom_file
from film_results import FACTS, READ, READING
from lungwise.films import open_film
from lungwise.reading.regions import LEVEL
from lungwise.results.result_objects import file_bytes, result_objects
from synthetic_films import chest_words

WORDS = chest_words(bits=12)
SIDES = WORDS.shape
_DOWN, _ACROSS = np.mgrid[:17, :17]
HEAT = np.exp(-((_ACROSS - 4) ** 2 + (_DOWN - 5) ** 2) / 6).astype(np.float32)
HEAT[8:15, 8:15] = 0.8
HEAT[10:13, 10:13] = 0.1
HOT = replace(READ, outcome=replace(READING, heat_map=HEAT))
UIDS = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": "1.2.3.4.5"}


def overlap(polygons: list[NDArray[np.float32]]) -> float:
    """How much of the heat map that reaches the level, and of the polygons, is of both."""
    found = np.zeros(SIDES, bool)
    for polygon in polygons:
        mask = Image.new("1", SIDES[::-1])
        ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in polygon], fill=1)
        found |= np.asarray(mask)
    drawn = np.asarray(Image.fromarray(HEAT).resize(SIDES[::-1], Image.Resampling.BILINEAR)) >= LEVEL
    return float((found & drawn).sum() / (found | drawn).sum())


def test_report_and_presentation_state_have_the_same_outlines_where_the_heat_map_is_hot(tmp_path: Path) -> None:
    report, _capture, state, _mask = result_objects(dicom_file(WORDS, BitsStored=12, **UIDS), FACTS, HOT, None)

    assert errors_of(report, tmp_path) + errors_of(state, tmp_path) == []
    for item in (report, state):
        (tmp_path / f"{item.Modality}.dcm").write_bytes(file_bytes(item))
    groups = srread(tmp_path / "SR.dcm").content.get_planar_roi_measurement_groups()  # type: ignore[attr-defined]
    regions = [group.roi.value for group in groups]
    assert [group.get_measurements()[0].value for group in groups] == [LEVEL, LEVEL]
    (annotation,) = dcmread(tmp_path / "PR.dcm").GraphicAnnotationSequence
    outlines = [np.reshape(item.GraphicData, (-1, 2)) for item in annotation.GraphicObjectSequence]
    assert annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.5"
    assert all(np.allclose(one, other) for one, other in zip(regions, outlines, strict=True))
    sys.stdout.write(f"Regions and heat map overlap by {overlap(outlines):.3f}.\n")
    assert overlap(outlines) > 0.93


def test_a_map_that_is_nowhere_hot_has_no_outlines() -> None:
    cool = replace(READ, outcome=replace(READING, heat_map=HEAT * 0.5))
    report, capture = result_objects(dicom_file(WORDS, **UIDS), FACTS, cool, None)
    assert (report.Modality, capture.Modality) == ("SR", "OT") and "SCOORD" not in str(report)


def test_a_film_in_colours_has_no_presentation_state() -> None:
    colours = np.repeat((WORDS >> 4).astype(np.uint8)[..., None], 3, axis=2)
    report, capture, mask = result_objects(dicom_file(colours, **UIDS), FACTS, HOT, None)
    assert (report.Modality, capture.Modality, mask.Modality) == ("SR", "OT", "SEG") and "SCOORD" in str(report)


@pytest.mark.parametrize(
    "shown",
    [
        {"WindowCenter": "2000", "WindowWidth": "1500", "PhotometricInterpretation": "MONOCHROME1"},
        {"WindowCenter": "2000", "WindowWidth": "1500", "VOILUTFunction": "SIGMOID"},
    ],
)
def test_dcmtk_shows_the_film_as_lungwise_does(shown: dict[str, str], tmp_path: Path) -> None:
    data = dicom_file(WORDS, BitsStored=12, **UIDS, **shown)
    (tmp_path / "film.dcm").write_bytes(data)
    (tmp_path / "state.dcm").write_bytes(file_bytes(result_objects(data, FACTS, HOT, None)[2]))
    command = ["dcmp2pgm", "-p", "state.dcm", "film.dcm", "film.pgm"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    seen = np.asarray(Image.open(tmp_path / "film.pgm"), np.float32) / 255
    assert np.abs(seen - open_film(data).pixels).max() < 0.01
