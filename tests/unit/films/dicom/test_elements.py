from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from dicom_files import dicom_bytes, film_dataset
from lungwise.films import Refusal, open_film
from lungwise.films.dicom.elements import PIXEL_DATA, read_elements
from synthetic_films import chest_bytes

FILM = dicom_bytes(film_dataset(chest_bytes()))
BODY = FILM.index(b"\x08\0\x16\0UI")  # where the meta information ends
HEAD, REST = FILM[:BODY], FILM[BODY:]


def refusal(data: bytes) -> Refusal:
    with pytest.raises(Refusal) as refused:
        open_film(data)
    return refused.value


def test_the_shipped_files_are_understood_as_by_pydicom() -> None:
    compared = 0
    shipped = [
        get_testdata_file(name, download=False) for name in ("CT_small.dcm", "RG1_UNCR.dcm")
    ]  # one of each package
    for path in [file for one in shipped for file in sorted(Path(str(one)).parent.glob("*.dcm"))]:
        name, data = path.name, path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                dataset = pydicom.dcmread(io.BytesIO(data))
                rows, modality, width = dataset.get("Rows"), dataset.get("Modality"), dataset.get("WindowWidth")
            except Exception:  # what pydicom does not read has no reference
                continue
        if "PixelData" not in dataset or not dataset.file_meta.get("TransferSyntaxUID"):
            continue
        syntax, elements = read_elements(data)
        assert syntax == dataset.file_meta.TransferSyntaxUID, name
        assert elements.word(0x00280010, 0) == (rows or 0), name
        assert elements.text(0x00080060) == (modality or ""), name
        wanted = [] if width is None else [float(w) for w in np.atleast_1d(np.array(width, float))]
        assert elements.numbers(0x00281051) == wanted, name
        assert elements[PIXEL_DATA].undefined_length == dataset.file_meta.TransferSyntaxUID.is_encapsulated, name
        compared += 1
    assert compared > 60


def test_nested_sequences_of_undefined_length_are_passed_over() -> None:
    film = film_dataset(chest_bytes())
    inner, outer = Dataset(), Dataset()
    inner.Rows, inner.PatientID = 7, "inner"
    inner.is_undefined_length_sequence_item = True
    outer.ReferencedImageSequence = [inner]
    outer["ReferencedImageSequence"].is_undefined_length = True
    outer.is_undefined_length_sequence_item = True
    film.ReferencedStudySequence = [outer, outer]
    film["ReferencedStudySequence"].is_undefined_length = True
    assert open_film(dicom_bytes(film)).pixels.shape == chest_bytes().shape


def explicit(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    long = vr in (b"SQ", b"OW", b"OB", b"UN")
    return struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr) + struct.pack("<xxI" if long else "<H", size) + value


ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)


def test_a_sequence_without_end_is_damaged() -> None:
    opening = explicit(0x00081110, b"SQ", b"", 0xFFFFFFFF)
    assert refusal(HEAD + opening + ITEM).code == "damaged"


def test_nesting_without_bottom_is_damaged() -> None:
    opening = explicit(0x00081110, b"SQ", b"", 0xFFFFFFFF) + ITEM
    assert "nested" in refusal(HEAD + opening * 50_000).reason


def test_elements_without_end_are_damaged() -> None:
    assert "(data elements)" in refusal(HEAD + explicit(0x00080018, b"UI", b"") * 400_000).reason


def test_a_length_beyond_the_file_is_damaged() -> None:
    assert "(0008,1110)" in refusal(HEAD + explicit(0x00081110, b"UN", b"x", 0xFFFFFFF0) + REST).reason


def test_an_unknown_sequence_of_undefined_length_is_implicit_inside() -> None:
    hidden = struct.pack("<HHI", 0x0008, 0x1150, 4) + b"1.2\0"
    ends = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    unknown = explicit(0x00091110, b"UN", b"", 0xFFFFFFFF) + ITEM + hidden + ends
    assert open_film(HEAD + unknown + REST).pixels.shape == chest_bytes().shape


def test_a_deflate_bomb_is_too_large() -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = deflater.compress(bytes(2**24)) + deflater.flush(zlib.Z_FULL_FLUSH)
    bomb = block * 20 + deflater.flush()
    meta = dicom_bytes(film_dataset(chest_bytes()), DeflatedExplicitVRLittleEndian)
    end = 144 + int.from_bytes(meta[140:144], "little")
    assert refusal(meta[:end] + bomb).code == "too-large"


def test_a_cut_deflated_part_is_damaged() -> None:
    file = dicom_bytes(film_dataset(chest_bytes()), DeflatedExplicitVRLittleEndian)
    assert refusal(file[: len(file) // 2]).code == "damaged"


TAGS = st.sampled_from([0x00280002, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103])
VALUES = st.one_of(st.integers(0, 65535).map(lambda n: n.to_bytes(2, "little")), st.binary(max_size=12))
OTHERS = st.tuples(
    st.sampled_from([0x00280120, 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00283000, 0x00283010, 0x00101010]),
    st.sampled_from([b"US", b"DS", b"SQ", b"UN", b"AS", b"SS", b"??", b"OW"]),
    st.one_of(st.binary(max_size=40), st.floats().map(lambda x: repr(x).encode())),
    st.sampled_from([None, 0, 3, 2**16 - 1, 2**32 - 1]),
)


@given(st.lists(st.tuples(TAGS, VALUES), max_size=8), st.lists(OTHERS, max_size=6), st.binary(max_size=64))
def test_any_header_gives_a_film_or_a_refusal(
    numbers: list[tuple[int, bytes]], others: list[tuple[int, bytes, bytes, int | None]], tail: bytes
) -> None:
    body = b"".join(explicit(tag, b"US", value) for tag, value in numbers)
    for tag, vr, value, length in others:
        size = length if length is None or vr in (b"SQ", b"OW", b"UN") else min(length, 2**16 - 1)
        body += explicit(tag, vr, value, size)
    pixels = REST.index(b"\xe0\x7f\x10\0")
    try:
        film = open_film(HEAD + REST[:pixels] + body + REST[pixels:] + tail)
    except Refusal as refused:
        assert refused.reason
    else:
        assert film.pixels.min() >= 0
        assert film.pixels.max() <= 1


def test_the_declared_byte_order_gives_way_to_the_real_one() -> None:
    implicit = dicom_bytes(film_dataset(chest_bytes()), "1.2.840.10008.1.2")
    lying = implicit.replace(b"1.2.840.10008.1.2\0", (ExplicitVRLittleEndian[:17]).encode() + b"\0")
    assert open_film(lying).pixels.shape == chest_bytes().shape
