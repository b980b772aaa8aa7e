from __future__ import annotations

from typing import Any

import pytest

from dicom_files import dicom_file
from lungwise.films.dicom.geometry import Geometry, Scale, read_geometry
from synthetic_films import chest_words

WORDS = chest_words(bits=12)
ROWS, COLUMNS = WORDS.shape


def geometry(**attributes: Any) -> Geometry:
    return read_geometry(dicom_file(WORDS, **attributes))


@pytest.mark.parametrize(
    ("attributes", "spacing", "scale"),
    [
        ({}, None, None),
        ({"ImagerPixelSpacing": ["0.2", "0.1"]}, (0.2, 0.1), Scale.DETECTOR),
        (
            {"ImagerPixelSpacing": ["0.2", "0.2"], "EstimatedRadiographicMagnificationFactor": "1.25"},
            (0.16, 0.16),
            Scale.BODY,
        ),
        ({"PixelSpacing": ["0.2", "0.1"]}, (0.2, 0.1), Scale.STATED),
        (
            {
                "PixelSpacing": ["0.15", "0.15"],
                "PixelSpacingCalibrationType": "FIDUCIAL",
                "ImagerPixelSpacing": ["1", "1"],
            },
            (0.15, 0.15),
            Scale.BODY,
        ),
        ({"PixelSpacing": ["0.2", "0.2"], "ImagerPixelSpacing": ["0.2", "0.2"]}, (0.2, 0.2), Scale.DETECTOR),
        ({"ImagerPixelSpacing": ["0", "0"]}, None, None),
    ],
)
def test_millimetres_and_where_they_hold(
    attributes: dict[str, Any], spacing: tuple[float, float] | None, scale: Scale | None
) -> None:
    found = geometry(**attributes)
    assert found.scale == scale
    if spacing is None:
        assert found.width is found.height is None
    else:
        assert found.height == pytest.approx(spacing[0] * ROWS)
        assert found.width == pytest.approx(spacing[1] * COLUMNS)


@pytest.mark.parametrize(
    ("orientation", "sides"),
    [
        (["L", "F"], {"right": "L", "left": "R"}),
        (["R", "F"], {"right": "R", "left": "L"}),
        (["LP", "FR"], {"right": "L", "left": "R"}),
        (["F", "R"], {"bottom": "R", "top": "L"}),
        (["A", "F"], {}),
        ("L", {}),
    ],
)
def test_the_patients_sides(orientation: Any, sides: dict[str, str]) -> None:
    assert geometry(PatientOrientation=orientation).sides == sides


def test_a_film_that_is_turned_turns_its_sides_and_its_size() -> None:
    found = geometry(PatientOrientation=["L", "F"], ImagerPixelSpacing=["0.2", "0.1"])
    once = found.turned(1)
    assert once.sides == {"bottom": "L", "top": "R"}
    assert (once.width, once.height) == (found.height, found.width)
    assert found.turned(2).sides == {"left": "L", "right": "R"}
    assert found.turned(0) == found


def test_of_what_is_no_dicom_nothing_is_known() -> None:
    assert read_geometry(b"no film at all") == Geometry(sides={})
