from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lungwise.films import open_film
from lungwise.films.depth import white_level
from synthetic_films import chest_film, chest_words, picture


@pytest.mark.parametrize(
    ("greatest", "bits", "white"),
    [
        (0, 16, 255),
        (255, 16, 255),
        (256, 16, 1023),
        (4095, 16, 4095),
        (4096, 16, 16383),
        (40000, 16, 65535),
        (300, 12, 1023),
        (4095, 12, 4095),
        (200, 8, 255),
        (70000, 16, 65535),
        (3, 4, 15),
    ],
)
def test_white_is_of_the_fewest_bits_that_hold_the_values(greatest: int, bits: int, white: int) -> None:
    assert white_level(greatest, bits) == white


def words_of(bits: int) -> NDArray[np.uint16]:
    film = chest_film()
    return np.asarray(film / film.max() * (2**bits - 1), np.uint16)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_values_of_fewer_bits_in_a_picture_of_16_are_as_bright(kind: str, bits: int) -> None:
    words = words_of(bits)
    assert np.allclose(open_film(picture(words, kind)).pixels, words / (2**bits - 1), atol=1e-6)


@pytest.mark.parametrize(("said", "white"), [(5000, 5000), (4095, 4095), (3000, 4095), (65535, 65535), (0, 4095)])
def test_a_tiff_says_what_its_white_is(said: int, white: int) -> None:
    words = words_of(12)
    file = picture(words, "TIFF", tiffinfo={281: said})
    assert np.allclose(open_film(file).pixels, words / white, atol=1e-6)


def test_white_is_zero_in_few_bits_too() -> None:
    words = words_of(12)
    file = tiff(words, 16, photometric=0)
    assert np.allclose(open_film(file).pixels, 1 - words / 4095, atol=1e-6)


@pytest.mark.parametrize("greatest", [4095, 900])
def test_a_tiff_of_12_bits_a_sample(greatest: int) -> None:
    words = (words_of(12) * (greatest / 4095)).astype(np.uint16)
    assert np.allclose(open_film(tiff(words, 12)).pixels, words / 4095, atol=1e-6)


def tiff(words: NDArray[np.uint16], bits: int, photometric: int = 1) -> bytes:
    """A TIFF of one strip whose samples have so many bits."""
    height, width = words.shape
    data = packed_12(words) if bits == 12 else words.astype("<u2").tobytes()
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8 + 2 + 9 * 12 + 4}
    tags |= {277: 1, 278: height, 279: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


def packed_12(words: NDArray[np.uint16]) -> bytes:
    first, second = words[:, ::2].astype(int), words[:, 1::2].astype(int)
    three = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], -1)
    return three.astype(np.uint8).tobytes()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_dark_picture_of_16_bits_stays_dark(kind: str) -> None:
    words: NDArray[Any] = chest_words() // np.uint16(2)
    assert open_film(picture(words, kind)).pixels.max() < 0.55
