from __future__ import annotations

from typing import Any

import jpeg_ls
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from dicom_files import compressed_file, dicom_bytes, dicom_file, film_dataset, jpeg_2000
from lungwise.films import Refusal, open_film
from synthetic_films import chest_bytes, chest_words, picture

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


@pytest.mark.parametrize("change", [-2, -1000, WORDS.nbytes, 3 * WORDS.nbytes])
def test_fewer_pixels_than_declared_or_those_of_another_frame_are_damaged(change: int) -> None:
    stored = (WORDS.tobytes() * 4)[: WORDS.nbytes + change]
    assert refusal(dicom_bytes(film_dataset(WORDS, PixelData=stored))).code == "damaged"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("words", [BYTES, WORDS], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("more", [2, 384, 8192])
def test_padding_behind_the_pixels_is_passed_over(words: NDArray[Any], more: int, syntax: str) -> None:
    plain = film_dataset(words.byteswap() if syntax == ExplicitVRBigEndian else words)
    padded = film_dataset(words, PixelData=plain.PixelData + b"\x5a" * more)
    assert np.array_equal(open_film(dicom_bytes(padded, syntax)).pixels, open_film(dicom_bytes(plain, syntax)).pixels)


def test_padding_to_an_even_length_is_no_mismatch() -> None:
    odd = BYTES[:65, :65]
    film = film_dataset(odd, PixelData=odd.tobytes() + b"\0")
    assert open_film(dicom_bytes(film)).pixels.shape == (65, 65)


def test_8_bits_in_big_endian_words_are_put_in_order() -> None:
    film = film_dataset(BYTES)
    film.add_new("PixelData", "OW", BYTES.reshape(-1, 2)[:, ::-1].tobytes())
    assert np.array_equal(open_film(dicom_bytes(film, ExplicitVRBigEndian)).pixels, open_film(dicom_file(BYTES)).pixels)


def run_lengths(words: NDArray[Any]) -> bytes:
    film = film_dataset(words)
    dicom_bytes(film)
    film.compress(RLELossless, generate_instance_uid=False)
    return next(generate_frames(film.PixelData, number_of_frames=1))


JPEG = picture(BYTES, "JPEG", quality=95)
CODED = {
    "JPEG": (JPEG, JPEGBaseline8Bit),
    "JPEG-LS": (bytes(jpeg_ls.encode_array(BYTES)), JPEGLSLossless),
    "JPEG 2000": (jpeg_2000(BYTES), JPEG2000Lossless),
    "RLE": (run_lengths(BYTES), RLELossless),
}


def naming(file: bytes, old: str, new: str) -> bytes:
    """The file, whose meta information names another transfer syntax, or one that is empty."""
    at = file.index(b"\x02\0\x10\0UI")
    length = int.from_bytes(file[at + 6 : at + 8], "little")
    assert file[at + 8 : at + 8 + length].rstrip(b"\0").decode() == old
    value = new.encode() + b"\0" * (len(new) % 2)
    return file[:at] + b"\x02\0\x10\0UI" + len(value).to_bytes(2, "little") + value + file[at + 8 + length :]


@pytest.mark.parametrize(
    "said", ["", ExplicitVRLittleEndian, ImplicitVRLittleEndian, *(uid for _, uid in CODED.values())]
)
@pytest.mark.parametrize("name", CODED)
def test_compressed_pixels_are_known_by_their_bytes(name: str, said: str) -> None:
    frame, syntax = CODED[name]
    file = compressed_file(frame, BYTES, syntax)
    assert np.array_equal(open_film(naming(file, syntax, said)).pixels, open_film(file).pixels)


@pytest.mark.parametrize("said", ["", JPEGBaseline8Bit, RLELossless, JPEG2000Lossless, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("words", [BYTES, WORDS], ids=["8 bits", "16 bits"])
def test_uncompressed_pixels_are_known_by_their_bytes(words: NDArray[Any], said: str) -> None:
    file = dicom_file(words)
    assert np.array_equal(open_film(naming(file, ExplicitVRLittleEndian, said)).pixels, open_film(file).pixels)


@pytest.mark.parametrize("name", CODED)
@pytest.mark.parametrize("end", [b"", bytes(8), b"\xfc\xff\xfc\xff\4\0\0\0abcd", bytes(500)], ids=range(4))
def test_what_stands_where_the_delimiter_belongs_is_passed_over(name: str, end: bytes) -> None:
    frame, syntax = CODED[name]
    file = compressed_file(frame, BYTES, syntax)
    assert file.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0")
    assert np.array_equal(open_film(file[:-8] + end).pixels, open_film(file).pixels)


@pytest.mark.parametrize("name", CODED)
@pytest.mark.parametrize("size", [50, 1000])
def test_a_frame_in_fragments_is_the_frame(name: str, size: int) -> None:
    frame, syntax = CODED[name]
    frame += bytes(len(frame) % 2)
    items = b"".join(item(frame[at : at + 2 * size]) for at in range(0, len(frame), 2 * size))
    whole = compressed_file(frame, BYTES, syntax)
    start = whole.rindex(item(frame))
    assert np.array_equal(open_film(whole[:start] + items + whole[-8:]).pixels, open_film(whole).pixels)


@pytest.mark.parametrize("name", CODED)
@pytest.mark.parametrize("more", [64, 5000])
def test_zeros_behind_a_frame_are_passed_over(name: str, more: int) -> None:
    frame, syntax = CODED[name]
    padded = compressed_file(frame + bytes(more), BYTES, syntax)
    assert np.array_equal(open_film(padded).pixels, open_film(compressed_file(frame, BYTES, syntax)).pixels)


@pytest.mark.parametrize("offsets", [(0, 9999), (0, 0), (7,), (0, 1, 2, 3, 4, 5)])
@pytest.mark.parametrize("name", CODED)
def test_the_offset_table_is_not_believed(name: str, offsets: tuple[int, ...]) -> None:
    frame, syntax = CODED[name]
    file = compressed_file(frame, BYTES, syntax)
    table = item(b"".join(offset.to_bytes(4, "little") for offset in offsets))
    start = file.rindex(item(bytes(4)), 0, file.rindex(frame[:50]))
    assert np.array_equal(open_film(file[:start] + table + file[start + 12 :]).pixels, open_film(file).pixels)


@pytest.mark.parametrize("name", CODED)
def test_a_cut_frame_is_damaged(name: str) -> None:
    frame, syntax = CODED[name]
    for kept in (len(frame) // 3, len(frame) * 9 // 10, len(frame) - 8):
        assert refusal(compressed_file(frame[:kept], BYTES, syntax)).code == "damaged"
        whole = compressed_file(frame, BYTES, syntax)
        assert refusal(whole[: whole.rindex(frame) + kept]).code == "damaged"


def item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + len(value).to_bytes(4, "little") + value


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
