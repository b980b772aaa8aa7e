"""The mask on a film, as highdicom and dcmtk read it; `make viewers` looks at it in OHIF and dwv."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from highdicom.seg import segread
from highdicom.sr import srread
from numpy.typing import NDArray
from PIL import Image

from dicom_checks import drawn, errors_of
from dicom_files import dicom_file
from film_results import FACTS, READ, READING
from lungwise.reading.regions import LEVEL
from lungwise.results.result_objects import file_bytes, film_object, result_objects
from lungwise.studies.pictures import LARGEST
from synthetic_films import chest_words

if TYPE_CHECKING:
    from pathlib import Path

WORDS = chest_words(300, 240, bits=12)
_DOWN, _ACROSS = np.mgrid[:17, :17]
HEAT = np.exp(-((_ACROSS - 4) ** 2 + (_DOWN - 5) ** 2) / 6).astype(np.float32)
HEAT[8:15, 8:15] = 0.8
HEAT[10:13, 10:13] = 0.1
HOT = replace(READ, outcome=replace(READING, heat_map=HEAT))
FILM: dict[str, Any] = {
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.4",
    "SOPInstanceUID": "1.2.3.4.5",
    "BitsStored": 12,
}


def shared(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def inside(polygons: list[NDArray[np.float32]]) -> NDArray[np.bool_]:
    """The pixels whose centres are inside: a line to the right leaves the polygons an odd number of times."""
    down, across = np.indices(WORDS.shape) + 0.5
    found = np.zeros(WORDS.shape, bool)
    for (x, y), (after_x, after_y) in (edge for polygon in polygons for edge in pairwise(polygon)):
        if y != after_y:
            found ^= ((y > down) != (after_y > down)) & (x + (down - y) / (after_y - y) * (after_x - x) > across)
    return found


def test_the_segment_lies_where_the_reports_regions_and_the_heat_map_do(tmp_path: Path) -> None:
    report, _capture, _state, item = result_objects(dicom_file(WORDS, **FILM), FACTS, HOT, None)
    assert errors_of(item, tmp_path) == []
    for one in (report, item):
        (tmp_path / f"{one.Modality}.dcm").write_bytes(file_bytes(one))
    segments = segread(tmp_path / "SEG.dcm")
    mask = segments.get_pixels_by_source_instance(["1.2.3.4.5"], ignore_spatial_locations=True)[0, :, :, 0] > 0
    groups = srread(tmp_path / "SR.dcm").content.get_planar_roi_measurement_groups()  # type: ignore[attr-defined]
    regions = inside([group.roi.value for group in groups])
    hot = np.asarray(Image.fromarray(HEAT).resize(WORDS.shape[::-1], Image.Resampling.BILINEAR)) >= LEVEL
    sys.stdout.write(
        f"The segment overlaps the regions by {shared(mask, regions):.3f}, the heat map by {shared(mask, hot):.3f}.\n"
    )
    assert shared(mask, regions) > 0.99 and shared(mask, hot) > 0.93
    assert not mask[300 * 23 // 34, 240 * 23 // 34] and hot.any()  # the hole


def test_a_segment_is_of_the_films_pixels_and_in_the_plane_that_viewers_take_for_it() -> None:
    for spacing in (None, [0.2, 0.1]):
        film = dicom_file(WORDS, **FILM, ImagerPixelSpacing=spacing or "")
        item = result_objects(film, FACTS, HOT, None)[-1]
        (shared_groups,), (frame,) = item.SharedFunctionalGroupsSequence, item.PerFrameFunctionalGroupsSequence
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert (source.ReferencedSOPInstanceUID, source.SpatialLocationsPreserved) == ("1.2.3.4.5", "YES")
        assert (item.Rows, item.Columns) == WORDS.shape
        assert shared_groups.PixelMeasuresSequence[0].PixelSpacing == (spacing or [1, 1])
        assert shared_groups.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
        assert frame.PlanePositionSequence[0].ImagePositionPatient == [0, 0, 0]


def test_the_segment_of_a_large_picture_has_the_size_of_the_object_that_it_refers_to(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.fromarray((chest_words(2400, 1800, bits=8)).astype(np.uint8)).save(out, "JPEG")
    film = film_object(out.getvalue(), FACTS)
    item = result_objects(out.getvalue(), FACTS, HOT, None)[-1]
    assert film is not None and max(film.Rows, film.Columns) == LARGEST
    assert (item.Rows, item.Columns) == (film.Rows, film.Columns)
    assert item.SourceImageSequence[0].ReferencedSOPInstanceUID == film.SOPInstanceUID
    assert errors_of(item, tmp_path) == []


def test_dcmtk_draws_the_mask_alone(tmp_path: Path) -> None:
    item = result_objects(dicom_file(WORDS, **FILM), FACTS, HOT, None)[-1]
    assert np.array_equal(drawn(item, tmp_path)[..., 0] > 0, item.pixel_array > 0)


@pytest.mark.parametrize("level", [0.49, 0.51])
def test_a_film_has_a_segment_where_it_is_hot(level: float) -> None:
    result = replace(READ, outcome=replace(READING, heat_map=np.full((17, 17), level, np.float32)))
    kinds = [item.Modality for item in result_objects(dicom_file(WORDS, **FILM), FACTS, result, None)]
    assert ("SEG" in kinds) == (level > LEVEL)
