from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1

from dicom_files import compressed_file, dicom_file, shipped_jpeg
from lungwise.films import Refusal, open_film
from lungwise.films.dicom.pixel_data import TRANSFER_SYNTAXES
from synthetic_films import chest_bytes, chest_words, picture

BYTES, WORDS = chest_bytes(), chest_words(bits=12)
WINDOW: dict[str, Any] = {"WindowCenter": 127.5, "WindowWidth": 255, "VOILUTFunction": "LINEAR_EXACT"}


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1])
@pytest.mark.parametrize("words", [BYTES, WORDS])
def test_lossless_jpeg(syntax: str, words: NDArray[Any], tmp_path: Path) -> None:
    plain, coded = tmp_path / "plain.dcm", tmp_path / "coded.dcm"
    plain.write_bytes(dicom_file(words, PatientID="1", StudyInstanceUID="1.2", SeriesInstanceUID="1.3"))
    reader = gdcm.ImageReader()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(coded))
    assert writer.Write()
    assert dcmread(coded).file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(open_film(coded.read_bytes()).pixels, open_film(dicom_file(words)).pixels)


def test_12_bit_lossy_jpeg_has_the_published_values() -> None:
    """The values that pydicom's own tests give for this file."""
    like = np.zeros((1024, 256), np.uint16)
    shown = open_film(
        compressed_file(shipped_jpeg("JPGExtended.dcm"), like, JPEGExtended12Bit, BitsStored=12, **WINDOW)
    ).pixels
    assert shown[420, 140] * 255 == pytest.approx(244)
    assert shown[230, 120] * 255 == pytest.approx(95)


def test_what_ends_gdcms_process_is_damaged_here() -> None:
    """GDCM aborts on some damaged frames; the reading process must outlive every one."""
    like = np.zeros((1024, 256), np.uint16)
    frame = bytearray(shipped_jpeg("JPEG-LL.dcm"))
    frame[25] = frame[32] = 255
    frame[28] = 0  # a Huffman table beyond all bounds
    with pytest.raises(Refusal) as refused:
        open_film(compressed_file(bytes(frame), like, JPEGLosslessSV1))
    assert refused.value.code == "damaged"


def test_an_arithmetic_coded_jpeg_is_unsupported() -> None:
    frame = picture(BYTES, "JPEG").replace(b"\xff\xc0", b"\xff\xc9", 1)
    with pytest.raises(Refusal) as refused:
        open_film(compressed_file(frame, BYTES, JPEGBaseline8Bit))
    assert refused.value.code == "unsupported"


@pytest.fixture(scope="module")
def coded_by_dcmtk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, NDArray[Any]], bytes]:
    """Give what codes a film as dcmtk's encoder does: Pillow's knows no 12 bits."""
    tool = shutil.which("dcmcjpeg")
    if tool is None:
        pytest.skip("Debian's dcmtk is not installed")
    folder = tmp_path_factory.mktemp("coded")

    def coded(option: str, words: NDArray[Any]) -> bytes:
        (folder / "plain.dcm").write_bytes(plain_film(words))
        subprocess.run([tool, option, folder / "plain.dcm", folder / "coded.dcm"], check=True)
        return (folder / "coded.dcm").read_bytes()

    return coded


def plain_film(words: NDArray[Any]) -> bytes:
    bits = 12 if words.itemsize == 2 else 8
    window = {"WindowCenter": 2 ** (bits - 1), "WindowWidth": 2**bits - 1}
    uids = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"}
    return dicom_file(words, BitsStored=bits, PatientID="1", **uids, **window)


Coder = Callable[[str, NDArray[Any]], bytes]


@pytest.mark.parametrize("option", ["+ee", "+es", "+ep", "+el", "+e1"])
@pytest.mark.parametrize("words", [BYTES, WORDS], ids=["8 bits", "12 bits"])
def test_every_jpeg_that_is_accepted_is_read(option: str, words: NDArray[Any], coded_by_dcmtk: Coder) -> None:
    data = coded_by_dcmtk(option, words)
    assert dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID in TRANSFER_SYNTAXES
    assert np.abs(open_film(data).pixels - open_film(plain_film(words)).pixels).mean() < 0.01


@pytest.mark.parametrize("option", ["+ee", "+ep", "+e1"])
def test_a_12_bit_frame_as_a_picture(option: str, coded_by_dcmtk: Coder) -> None:
    """It has white where its bits have, for a picture has no window."""
    data = coded_by_dcmtk(option, WORDS)
    frame = data[data.index(b"\xff\xd8\xff") : data.rindex(b"\xff\xd9") + 2]
    assert np.abs(open_film(frame).pixels - WORDS / 4095).mean() < 0.01


@pytest.mark.parametrize("option", ["+ee", "+ep", "+e1"])
def test_a_cut_12_bit_frame_is_damaged_and_one_without_its_end_marker_is_not(
    option: str, coded_by_dcmtk: Coder
) -> None:
    data = coded_by_dcmtk(option, WORDS)
    start, end = data.index(b"\xff\xd8\xff"), data.rindex(b"\xff\xd9")
    frame = data[start:end]
    shown = open_film(compressed_file(frame, WORDS, JPEGExtended12Bit, BitsStored=12)).pixels
    ended = compressed_file(frame + b"\xff\xd9", WORDS, JPEGLossless, BitsStored=12)
    assert np.array_equal(shown, open_film(ended).pixels)
    for kept in (len(frame) // 2, len(frame) - 20):
        with pytest.raises(Refusal) as refused:
            open_film(compressed_file(frame[:kept], WORDS, JPEGExtended12Bit, BitsStored=12))
        assert refused.value.code == "damaged"
