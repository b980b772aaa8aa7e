from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dicom_files import dicom_file, lut_item
from lungwise.films import open_film
from lungwise.films.dicom.softcopy import read_softcopy
from synthetic_films import chest_words

WORDS = chest_words(bits=12)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("asked", "is_window"),
    [
        ({}, True),
        ({"WindowCenter": "2000", "WindowWidth": "1000"}, True),
        ({"WindowCenter": "2000", "WindowWidth": "1000", "RescaleSlope": "2", "RescaleIntercept": "-3"}, True),
        ({"WindowCenter": "2000", "WindowWidth": "1000", "VOILUTFunction": "SIGMOID"}, False),
        ({"RescaleSlope": "-1", "RescaleIntercept": "4095", "WindowCenter": "2000", "WindowWidth": "1500"}, False),
        ({"VOILUTSequence": [lut_item(0, (np.arange(4096) ** 2 // 4096).astype(np.uint16), 12)]}, False),
        ({"WindowCenter": "2000", "WindowWidth": "0"}, True),
    ],
)
def test_a_film_is_shown_as_its_reader_sees_it(asked: dict[str, Any], is_window: bool, photometric: str) -> None:
    data = dicom_file(WORDS, BitsStored=12, PhotometricInterpretation=photometric, **asked)
    found = read_softcopy(data)
    assert found is not None and (found.rows, found.columns) == WORDS.shape
    assert (found.table is None) == is_window
    if found.table is None:
        grey = np.clip((WORDS.astype(np.float64) - found.low) / (found.high - found.low), 0, 1)
    else:
        grey = found.table[WORDS.astype(np.int64) - found.first] / 65535
    seen = 1 - grey if found.inverse else grey
    assert np.abs(seen - open_film(data).pixels).max() < 1e-4


def test_colours_and_what_has_no_picture_are_not_shown_in_greys() -> None:
    assert read_softcopy(dicom_file(np.zeros((64, 64, 3), np.uint8))) is None
    assert read_softcopy(dicom_file(WORDS, PixelData=None)) is None


def test_a_film_of_one_grey_has_a_window_too() -> None:
    found = read_softcopy(dicom_file(np.full((64, 64), 7, np.uint16)))
    assert found is not None and found.low < found.high
