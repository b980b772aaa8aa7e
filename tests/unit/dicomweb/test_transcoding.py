from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from dicom_files import compressed_file, dicom_bytes, dicom_file, film_dataset, jpeg_2000, lut_item
from lungwise.dicomweb.accept import AS_STORED
from lungwise.dicomweb.transcoding import in_a_form_of
from lungwise.films import open_film
from lungwise.films.dicom.transfer_syntax import syntax_of
from synthetic_films import chest_words

WORDS = chest_words(80, 96)
UIDS = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.3.4"}
TABLE = np.arange(4096, dtype=np.uint16)


def as_little_endian(data: bytes) -> bytes:
    given, syntax = in_a_form_of(data, [ExplicitVRLittleEndian])
    assert syntax == ExplicitVRLittleEndian
    return given


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_an_object_is_rewritten_in_explicit_vr_little_endian(syntax: str) -> None:
    data = dicom_file(WORDS, syntax, **UIDS, VOILUTSequence=[lut_item(0, TABLE, 12)])
    assert syntax_of(data) == syntax
    item = dcmread(io.BytesIO(as_little_endian(data)))
    assert item.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian and item.SOPInstanceUID == "1.2.3.4"
    assert np.array_equal(item.pixel_array, WORDS)
    assert np.array_equal(open_film(as_little_endian(data)).pixels, open_film(data).pixels)


def test_every_number_of_a_big_endian_object_is_turned_around() -> None:
    item = film_dataset(WORDS, PixelData=WORDS.byteswap().tobytes(), **UIDS)
    table = lut_item(0, TABLE, 12)
    table.LUTData = TABLE.byteswap().tobytes()
    item.VOILUTSequence = [table]
    whole = dcmread(io.BytesIO(as_little_endian(dicom_bytes(item, ExplicitVRBigEndian))))
    assert np.array_equal(whole.pixel_array, WORDS) and whole.Rows == 80
    assert np.array_equal(np.frombuffer(whole.VOILUTSequence[0].LUTData, "<u2"), TABLE)


def test_what_is_stored_in_it_stays_as_it_is() -> None:
    data = dicom_file(WORDS, **UIDS)
    assert as_little_endian(data) is data


def test_compressed_pixels_are_decompressed() -> None:
    grey = WORDS.astype(np.uint8)
    item = dcmread(io.BytesIO(as_little_endian(compressed_file(jpeg_2000(grey), grey, JPEG2000Lossless, **UIDS))))
    assert item.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(item.pixel_array, grey)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_what_has_no_meta_information_gets_it(syntax: str) -> None:
    bare = dicom_bytes(film_dataset(WORDS, **UIDS), syntax, bare=True)
    for wanted in (ExplicitVRLittleEndian, AS_STORED):
        item = dcmread(io.BytesIO(in_a_form_of(bare, [wanted])[0]))
        assert (item.file_meta.TransferSyntaxUID, item.SOPInstanceUID) == (ExplicitVRLittleEndian, "1.2.3.4")
        assert np.array_equal(item.pixel_array, WORDS)


def test_compressed_pixels_that_are_called_uncompressed_are_decompressed() -> None:
    grey = WORDS.astype(np.uint8)
    data = compressed_file(jpeg_2000(grey), grey, JPEG2000Lossless, **UIDS)
    named = data.replace(JPEG2000Lossless.encode(), ExplicitVRLittleEndian.encode().ljust(22, b"\0"))
    assert syntax_of(named) == ExplicitVRLittleEndian
    for wanted in (ExplicitVRLittleEndian, AS_STORED):
        item = dcmread(io.BytesIO(in_a_form_of(named, [wanted])[0]))
        assert np.array_equal(item.pixel_array, grey)


def test_the_first_form_that_can_be_given_is() -> None:
    grey = WORDS.astype(np.uint8)
    data = compressed_file(jpeg_2000(grey), grey, JPEG2000Lossless, **UIDS)
    assert in_a_form_of(data, [AS_STORED]) == (data, JPEG2000Lossless)
    jpeg_ls = "1.2.840.10008.1.2.4.80"
    assert in_a_form_of(data, [jpeg_ls, JPEG2000Lossless, ExplicitVRLittleEndian]) == (data, JPEG2000Lossless)
    given, named = in_a_form_of(data, [ExplicitVRLittleEndian, AS_STORED])
    assert named == syntax_of(given) == ExplicitVRLittleEndian
    broken = compressed_file(b"no codestream", grey, JPEG2000Lossless, **UIDS)
    assert in_a_form_of(broken, [ExplicitVRLittleEndian]) == (broken, JPEG2000Lossless)
    unreadable = data[:200]
    assert in_a_form_of(unreadable, [ExplicitVRLittleEndian, AS_STORED]) == (unreadable, syntax_of(unreadable))
