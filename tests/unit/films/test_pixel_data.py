from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

from dicom_files import dicom_bytes, dicom_file, film_dataset
from drawn import chest_bytes, chest_words
from lungwise.films import Refusal, open_film

BYTES, WORDS = chest_bytes(), chest_words(bits=12)
RGB = np.stack([chest_bytes(seed=n) for n in range(3)], -1)


def refusal(data: bytes) -> Refusal:
    with pytest.raises(Refusal) as refused:
        open_film(data)
    return refused.value


@pytest.mark.parametrize("words", [BYTES, WORDS, RGB, RGB.astype(np.uint16) * np.uint16(257)])
def test_run_lengths_decode_to_what_was_encoded(words: NDArray[Any]) -> None:
    film = film_dataset(words)
    dicom_bytes(film)
    film.compress(RLELossless, generate_instance_uid=False)
    assert np.array_equal(open_film(dicom_bytes(film, RLELossless)).pixels, open_film(dicom_file(words)).pixels)


def rle_file(frame: bytes) -> bytes:
    film = film_dataset(BYTES, PixelData=encapsulate([frame]))
    film["PixelData"].is_undefined_length = True
    return dicom_bytes(film, RLELossless)


@pytest.mark.parametrize(
    "frame",
    [
        bytes(10),
        (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56),  # no data
        (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56) + b"\x81\0" * 20,  # too little
        (1).to_bytes(4, "little") + (2**31).to_bytes(4, "little") + bytes(500),
        (15).to_bytes(4, "little") + bytes(500),
    ],
)
def test_broken_run_lengths_are_damaged(frame: bytes) -> None:
    assert refusal(rle_file(frame)).code == "damaged"


def test_run_lengths_never_grow_beyond_the_film() -> None:
    bomb = (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56) + b"\x81\x07" * 10**6
    assert open_film(rle_file(bomb)).pixels.shape == BYTES.shape


@pytest.mark.parametrize("change", [-2, -1000, 2, 1000])
def test_more_or_fewer_pixels_than_declared_are_damaged(change: int) -> None:
    stored = (WORDS.tobytes() + bytes(1000))[: WORDS.nbytes + change]
    assert refusal(dicom_bytes(film_dataset(WORDS, PixelData=stored))).code == "damaged"


def test_padding_to_an_even_length_is_no_mismatch() -> None:
    odd = BYTES[:65, :65]
    film = film_dataset(odd, PixelData=odd.tobytes() + b"\0")
    assert open_film(dicom_bytes(film)).pixels.shape == (65, 65)


def test_8_bits_in_big_endian_words_are_put_in_order() -> None:
    film = film_dataset(BYTES)
    film.add_new("PixelData", "OW", BYTES.reshape(-1, 2)[:, ::-1].tobytes())
    assert np.array_equal(open_film(dicom_bytes(film, ExplicitVRBigEndian)).pixels, open_film(dicom_file(BYTES)).pixels)


def test_native_pixels_in_a_compressed_syntax_are_damaged_and_the_reverse_too() -> None:
    native = film_dataset(BYTES)
    native["PixelData"].is_undefined_length = False
    file = dicom_bytes(native).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")
    assert refusal(file).code == "damaged"
    assert refusal(rle_file(bytes(64)).replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.1\0")).code == "damaged"


def test_two_frames_in_a_file_that_declares_one_are_damaged() -> None:
    film = film_dataset(BYTES, PixelData=encapsulate([b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe0"]))
    film["PixelData"].is_undefined_length = True
    assert "several" in refusal(dicom_bytes(film, JPEGBaseline8Bit)).reason


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.100", "1.2.3", "1.2.840.113619.5.2"])
def test_unknown_syntaxes_are_unsupported(syntax: str) -> None:
    plain = dicom_bytes(film_dataset(BYTES), ExplicitVRLittleEndian)
    old = b"\x02\0\x10\0UI" + (20).to_bytes(2, "little") + b"1.2.840.10008.1.2.1\0"
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    refused = refusal(plain.replace(old, b"\x02\0\x10\0UI" + len(value).to_bytes(2, "little") + value))
    assert refused.code == "unsupported"
    assert syntax in refused.reason
