from __future__ import annotations

import io
import random
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_files import dicom_bytes, dicom_file, film_dataset
from lungwise.dicomweb.pixels import JPEG, PNG, RenderOptions, frame, rendered
from lungwise.errors import Rejected
from lungwise.films import Refusal
from synthetic_films import chest_words

WORDS = chest_words(80, 96)
COLOURS = np.random.default_rng(0).integers(0, 255, (80, 96, 3), np.uint8)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_frame_is_little_endian_whatever_it_was(syntax: str) -> None:
    assert frame(dicom_file(WORDS, syntax)) == WORDS.astype("<u2").tobytes()


def test_colours_come_as_they_are_or_not_at_all() -> None:
    assert frame(dicom_file(COLOURS)) == COLOURS.tobytes()
    data, kind = rendered(dicom_file(COLOURS), PNG.__eq__, RenderOptions()) or (b"", "")
    assert kind == PNG and np.array_equal(np.asarray(Image.open(io.BytesIO(data))), COLOURS)
    for odd in ({"PhotometricInterpretation": "YBR_FULL"}, {"PlanarConfiguration": 1}):
        with pytest.raises(Refusal, match="Colours"):
            frame(dicom_file(COLOURS, **odd))


@pytest.mark.parametrize("attributes", [{"PixelData": None}, {"NumberOfFrames": 2}, {"Rows": 700}])
def test_what_has_no_frame_or_more_than_one_is_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        frame(dicom_file(WORDS, **attributes))


def test_a_mask_comes_packed_as_it_is_and_one_of_two_frames_not_at_all() -> None:
    mask: dict[str, Any] = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "PixelData": bytes(range(240)) * 4}
    assert frame(dicom_file(WORDS, **mask)) == mask["PixelData"]
    with pytest.raises(Refusal, match="several images"):
        frame(dicom_file(WORDS, **mask, NumberOfFrames=2))


def test_a_picture_keeps_its_shape_and_is_no_larger_than_wished() -> None:
    data, kind = rendered(dicom_file(WORDS), lambda _kind: True, RenderOptions(width=48, height=200)) or (b"", "")
    assert kind == JPEG and Image.open(io.BytesIO(data)).size == (48, 40)
    assert rendered(dicom_file(WORDS), "text/html".__eq__, RenderOptions()) is None


def test_a_document_comes_out_as_it_went_in() -> None:
    item = film_dataset(WORDS, EncapsulatedDocument=b"%PDF-1.4\0", EncapsulatedDocumentLength=8)
    assert rendered(dicom_bytes(item), "application/pdf".__eq__, RenderOptions()) == (b"%PDF-1.4", "application/pdf")


def test_wishes_are_bounded_and_nothing_else_is_wished_for() -> None:
    assert RenderOptions.parse({"viewport": "99999,20", "quality": "7", "accept": PNG}) == RenderOptions(
        width=1600, height=20, quality=7
    )
    for wrong in ({"viewport": "1,2,3,4,5,6"}, {"quality": "0"}, {"window": "1,2,linear"}):
        with pytest.raises(Rejected):
            RenderOptions.parse(wrong)


@settings(max_examples=150)
@given(seed=st.integers(0, 1 << 32), cut=st.integers(150, 20_000), colours=st.booleans())
def test_damaged_files_are_refused_or_shown(seed: int, cut: int, colours: bool) -> None:
    data, luck = bytearray(dicom_file(COLOURS if colours else WORDS)), random.Random(seed)
    for _ in range(8):
        data[luck.randrange(132, 500)] = luck.randrange(256)
    for show in (frame, lambda whole: rendered(whole, lambda _kind: True, RenderOptions())):
        with suppress(Refusal):
            show(bytes(data[:cut]))
