from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import jpeg_ls
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.uid import (
    JPEG2000,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from dicom_files import compressed_file, dicom_file, jpeg_2000, shipped, shipped_jpeg
from lungwise.films import Refusal, open_film
from synthetic_films import chest_bytes, chest_words, picture

BYTES, WORDS = chest_bytes(), chest_words(bits=12)
RGB = np.stack([chest_bytes(seed=n) for n in range(3)], -1)
WINDOW: dict[str, Any] = {"WindowCenter": 127.5, "WindowWidth": 255, "VOILUTFunction": "LINEAR_EXACT"}


def jpeg(pixels: NDArray[Any], **options: Any) -> bytes:
    return picture(pixels, "JPEG", quality=95, **options)


def test_jpeg_baseline_is_what_pillow_decodes() -> None:
    frame = jpeg(BYTES)
    shown = open_film(compressed_file(frame, BYTES, JPEGBaseline8Bit, **WINDOW)).pixels
    with Image.open(io.BytesIO(frame)) as image:
        assert np.allclose(shown, np.asarray(image) / 255, atol=1e-6)


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "RGB"])
def test_colour_jpeg_that_says_it_is_ybr(photometric: str) -> None:
    frame = jpeg(RGB)
    film = open_film(compressed_file(frame, RGB, JPEGBaseline8Bit, PhotometricInterpretation=photometric))
    assert np.abs(film.pixels - RGB @ [0.299, 0.587, 0.114] / 255).mean() < 0.02


@pytest.mark.parametrize("name", ["SC_jpeg_no_color_transform.dcm", "SC_jpeg_no_color_transform_2.dcm"])
def test_colour_jpeg_whose_components_are_rgb(name: str) -> None:
    data = shipped(name)
    expected = dcmread(io.BytesIO(data)).pixel_array @ [0.299, 0.587, 0.114] / 255
    assert np.abs(open_film(data).pixels - expected).max() < 1e-5


@pytest.mark.parametrize("syntax", [JPEG2000, JPEG2000Lossless])
@pytest.mark.parametrize("words", [BYTES, WORDS])
def test_jpeg_2000_is_lossless(syntax: str, words: NDArray[Any]) -> None:
    shown = open_film(compressed_file(jpeg_2000(words), words, syntax)).pixels
    assert np.array_equal(shown, open_film(dicom_file(words)).pixels)


def test_signed_jpeg_2000() -> None:
    signed = WORDS.astype(np.int16) - np.int16(2048)
    shown = open_film(compressed_file(jpeg_2000(signed), signed, JPEG2000Lossless)).pixels
    assert np.array_equal(shown, open_film(dicom_file(WORDS)).pixels)


def test_colour_jpeg_2000() -> None:
    shown = open_film(compressed_file(jpeg_2000(RGB), RGB, JPEG2000Lossless)).pixels
    assert np.array_equal(shown, open_film(dicom_file(RGB)).pixels)


@pytest.mark.parametrize("words", [BYTES, WORDS])
def test_jpeg_ls_is_lossless(words: NDArray[Any]) -> None:
    frame = bytes(jpeg_ls.encode_array(words))
    shown = open_film(compressed_file(frame, words, JPEGLSLossless)).pixels
    assert np.array_equal(shown, open_film(dicom_file(words)).pixels)


@pytest.mark.parametrize("interleave", [0, 1, 2])
def test_colour_jpeg_ls_in_every_interleave_mode(interleave: int) -> None:
    source = np.ascontiguousarray(np.moveaxis(RGB, -1, 0)) if interleave == 0 else RGB
    frame = jpeg_ls.encode_buffer(source.tobytes(), *RGB.shape, 8, interleave_mode=interleave)
    shown = open_film(compressed_file(bytes(frame), RGB, JPEGLSLossless)).pixels
    assert np.array_equal(shown, open_film(dicom_file(RGB)).pixels)


@pytest.mark.parametrize("frame", [jpeg(BYTES), jpeg_2000(BYTES), bytes(jpeg_ls.encode_array(BYTES))])
def test_frames_of_another_size_are_damaged(frame: bytes) -> None:
    for rows, columns in ((161, 128), (160, 127), (8000, 8000)):
        with pytest.raises(Refusal) as refused:
            open_film(compressed_file(frame, BYTES, JPEG2000, Rows=rows, Columns=columns))
        assert refused.value.code == "damaged"


@pytest.mark.parametrize("frame", [jpeg(BYTES), jpeg_2000(BYTES), bytes(jpeg_ls.encode_array(BYTES))])
def test_frames_that_end_early_are_damaged(frame: bytes) -> None:
    for share in (0.02, 0.5, 0.95):
        with pytest.raises(Refusal) as refused:
            open_film(compressed_file(frame[: int(len(frame) * share)], BYTES, JPEG2000))
        assert refused.value.code == "damaged"


def test_a_colour_jpeg_2000_may_have_a_third_of_the_pixels() -> None:
    like = np.broadcast_to(np.uint8(0), (5000, 5000, 3))
    frame = bytearray(jpeg_2000(RGB))
    frame[8:16] = frame[24:32] = (5000).to_bytes(4, "big") * 2
    with pytest.raises(Refusal) as refused:
        open_film(compressed_file(bytes(frame), like, JPEG2000))
    assert refused.value.code == "too-many-pixels"


def declaring(frame: bytes, marker: bytes, side: int) -> bytes:
    """A JPEG or JPEG-LS frame whose header gives it another size."""
    at = frame.index(marker) + 5
    return frame[:at] + side.to_bytes(2, "big") * 2 + frame[at + 4 :]


def test_frames_of_too_few_bytes_for_their_pixels_are_damaged() -> None:
    """Decoders would make up the rest: seconds of work, and a film of nothing."""
    j2k = bytearray(jpeg_2000(chest_bytes(64, 64)))
    j2k[8:16] = j2k[24:32] = (8000).to_bytes(4, "big") * 2
    frames = {
        JPEGLosslessSV1: declaring(shipped_jpeg("JPEG-LL.dcm")[:4000] + b"\xff\xd9", b"\xff\xc3", 8000),
        JPEGExtended12Bit: declaring(shipped_jpeg("JPGExtended.dcm")[:4000] + b"\xff\xd9", b"\xff\xc1", 8000),
        JPEGBaseline8Bit: declaring(jpeg(BYTES), b"\xff\xc0", 8000),
        JPEG2000Lossless: bytes(j2k),
    }
    for syntax, frame in frames.items():
        words = np.broadcast_to(np.uint16(0), (8000, 8000))
        with pytest.raises(Refusal, match="too few bytes") as refused:
            open_film(compressed_file(frame, words, syntax))
        assert refused.value.code == "damaged"


def test_the_codestream_not_the_syntax_says_which_decoder_runs() -> None:
    shown = open_film(compressed_file(jpeg_2000(BYTES), BYTES, HTJ2KLossless)).pixels
    assert np.array_equal(shown, open_film(dicom_file(BYTES)).pixels)


def test_pictures_are_read_without_loading_a_dicom_decoder() -> None:
    code = (
        "import sys; from lungwise.films import open_film; open_film(sys.stdin.buffer.read());"
        "print([name for name in ('pydicom', 'gdcm', 'openjpeg', 'jpeg_ls') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], input=jpeg(BYTES), capture_output=True, check=True)
    assert run.stdout.strip() == b"[]"


@pytest.mark.parametrize("words", [BYTES, WORDS], ids=["8 bits", "12 bits"])
@pytest.mark.parametrize("zeros", [1, 3])
def test_zeros_before_the_end_of_jpeg_ls_are_passed_over(words: NDArray[Any], zeros: int) -> None:
    frame = bytes(jpeg_ls.encode_array(words))
    padded = frame[:-2] + bytes(zeros) + frame[-2:]
    shown = open_film(compressed_file(padded, words, JPEGLSLossless)).pixels
    assert np.array_equal(shown, open_film(dicom_file(words)).pixels)
