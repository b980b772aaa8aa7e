from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dicom_files import dicom_bytes, film_dataset
from lungwise.films import Refusal, open_film
from lungwise.films.dicom.image_pixel import ImagePixel
from synthetic_films import chest_words

WORDS = chest_words(bits=12)


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"BitsStored": 0}, "damaged"),
        ({"BitsStored": 17}, "damaged"),
        ({"BitsStored": 12, "HighBit": 99}, "damaged"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "unsupported"),
        ({"BitsAllocated": 1, "BitsStored": 1}, "unsupported"),
        ({"BitsAllocated": 0}, "unsupported"),
        ({"Rows": 0}, "damaged"),
        ({"Columns": 0}, "damaged"),
        ({"Rows": 63}, "too-small"),
        ({"Rows": 65535, "Columns": 65535}, "too-many-pixels"),
        ({"SamplesPerPixel": 3}, "damaged"),
        ({"SamplesPerPixel": 0}, "damaged"),
        ({"PhotometricInterpretation": "RGB"}, "damaged"),
        ({"PhotometricInterpretation": "HSV"}, "unsupported"),
        ({"Rows": 80}, "damaged"),
        ({"NumberOfFrames": 7}, "several-frames"),
    ],
)
def test_headers_that_no_film_has_are_refused(attributes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        open_film(dicom_bytes(film_dataset(WORDS, **attributes)))
    assert refused.value.code == code


def test_words_stand_for_numbers() -> None:
    pixel = ImagePixel(
        rows=64,
        columns=64,
        samples=1,
        photometric="MONOCHROME2",
        bits_allocated=8,
        bits_stored=4,
        high_bit=5,
        signed=True,
        planar=False,
    )
    assert pixel.values == 64 * 64
    assert pixel.numbers()[[0, 4, 28, 32, 60, 63, 255]].tolist() == [0, 1, 7, -8, -1, -1, -1]
    assert np.unique(pixel.numbers()).tolist() == list(range(-8, 8))
