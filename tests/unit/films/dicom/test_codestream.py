from __future__ import annotations

import io
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdcm
import jpeg_ls
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import (
    JPEG2000,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from dicom_files import compressed_file, dicom_file, jpeg_2000
from lungwise.films import Refusal, open_film
from lungwise.films.dicom import codestream
from lungwise.films.dicom.pixel_data import TRANSFER_SYNTAXES
from synthetic_films import chest_bytes, chest_words, picture

BYTES, WORDS = chest_bytes(), chest_words(bits=12)
RGB = np.stack([chest_bytes(seed=n) for n in range(3)], -1)
WINDOW: dict[str, Any] = {"WindowCenter": 127.5, "WindowWidth": 255, "VOILUTFunction": "LINEAR_EXACT"}


def shipped(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path).read_bytes()


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


def frame_of(name: str) -> bytes:
    data = shipped(name)
    start = data.index(b"\xff\xd8\xff")
    return data[start : data.rindex(b"\xff\xd9") + 2]


def test_12_bit_lossy_jpeg_has_the_published_values() -> None:
    """The values that pydicom's own tests give for this file."""
    like = np.zeros((1024, 256), np.uint16)
    shown = open_film(
        compressed_file(frame_of("JPGExtended.dcm"), like, JPEGExtended12Bit, BitsStored=12, **WINDOW)
    ).pixels
    assert shown[420, 140] * 255 == pytest.approx(244)
    assert shown[230, 120] * 255 == pytest.approx(95)


def test_what_ends_gdcms_process_is_damaged_here() -> None:
    """GDCM aborts on some damaged frames; the reading process must outlive every one."""
    like = np.zeros((1024, 256), np.uint16)
    frame = bytearray(frame_of("JPEG-LL.dcm"))
    frame[25] = frame[32] = 255
    frame[28] = 0  # a Huffman table beyond all bounds
    with pytest.raises(Refusal) as refused:
        open_film(compressed_file(bytes(frame), like, JPEGLosslessSV1))
    assert refused.value.code == "damaged"


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


def test_jpeg_2000_in_needlessly_fine_blocks_is_damaged() -> None:
    like = np.broadcast_to(np.uint8(0), (7000, 9000))
    frame = bytearray(jpeg_2000(BYTES))
    frame[8:16] = (9000).to_bytes(4, "big") + (7000).to_bytes(4, "big")
    frame[24:32] = frame[8:16]
    style = frame.index(b"\xff\x52")
    frame[style + 10 : style + 12] = b"\0\0"
    with pytest.raises(Refusal, match="blocks") as refused:
        open_film(compressed_file(bytes(frame), like, JPEG2000))
    assert refused.value.code == "damaged"


def coding_style(component: int | None = None, blocks: int = 4, precincts: int | None = None) -> bytes:
    """The COD segment of a JPEG 2000, or the COC of one component."""
    fine = precincts is not None
    parameters = bytes([5, blocks, blocks, 0, 1]) + (bytes([precincts or 0]) * 6 if fine else b"")
    body = bytes([fine, 0, 0, 1, 0]) if component is None else bytes([component, fine])
    marker = b"\xff\x52" if component is None else b"\xff\x53"
    return marker + (len(body + parameters) + 2).to_bytes(2, "big") + body + parameters


def of_2048(frame: bytes) -> bytes:
    size = (2048).to_bytes(4, "big") * 2
    return frame[:8] + size + frame[16:24] + size + frame[32:]


def with_tile_header(frame: bytes, segment: bytes) -> bytes:
    """Put a segment into the header of the one tile-part."""
    start = frame.index(b"\xff\x90")
    length = int.from_bytes(frame[start + 6 : start + 10], "big") + len(segment)
    return (
        frame[: start + 6] + length.to_bytes(4, "big") + frame[start + 10 : start + 12] + segment + frame[start + 12 :]
    )


@pytest.mark.parametrize("component", [None, 0])
@pytest.mark.parametrize("in_tile", [False, True])
def test_jpeg_2000_in_needlessly_fine_precincts_is_damaged_wherever_it_says_so(
    component: int | None, in_tile: bool
) -> None:
    like = np.broadcast_to(np.uint8(0), (2048, 2048))
    segment, frame = coding_style(component, precincts=0x11), of_2048(jpeg_2000(BYTES))
    start = frame.index(b"\xff\x90")
    frame = with_tile_header(frame, segment) if in_tile else frame[:start] + segment + frame[start:]
    frame = frame[:-2] + bytes(10_000) + frame[-2:]
    with pytest.raises(Refusal, match="precincts") as refused:
        open_film(compressed_file(frame, like, JPEG2000))
    assert refused.value.code == "damaged"


def test_jpeg_2000_whose_tile_has_a_coding_style_of_its_own_is_read() -> None:
    frame = jpeg_2000(BYTES)
    style = frame.index(b"\xff\x52")
    own = frame[style : style + 2 + int.from_bytes(frame[style + 2 : style + 4], "big")]
    shown = open_film(compressed_file(with_tile_header(frame, own), BYTES, JPEG2000)).pixels
    assert np.array_equal(shown, open_film(dicom_file(BYTES)).pixels)


@pytest.mark.parametrize("segment", [b"\xff\x30\0\2", b"\xff\x64\0\0", b"\xff\x64\0\1", b"\xff\x64\xff\xff"])
def test_jpeg_2000_headers_that_cannot_be_walked_are_damaged(segment: bytes) -> None:
    frame = jpeg_2000(BYTES)
    style = frame.index(b"\xff\x52")
    with pytest.raises(Refusal, match="its header") as refused:
        open_film(compressed_file(frame[:style] + segment + frame[style:], BYTES, JPEG2000))
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
        JPEGLosslessSV1: declaring(frame_of("JPEG-LL.dcm")[:4000] + b"\xff\xd9", b"\xff\xc3", 8000),
        JPEGExtended12Bit: declaring(frame_of("JPGExtended.dcm")[:4000] + b"\xff\xd9", b"\xff\xc1", 8000),
        JPEGBaseline8Bit: declaring(jpeg(BYTES), b"\xff\xc0", 8000),
        JPEG2000Lossless: bytes(j2k),
    }
    for syntax, frame in frames.items():
        words = np.broadcast_to(np.uint16(0), (8000, 8000))
        with pytest.raises(Refusal, match="too few bytes") as refused:
            open_film(compressed_file(frame, words, syntax))
        assert refused.value.code == "damaged"


def test_an_arithmetic_coded_jpeg_is_unsupported() -> None:
    frame = jpeg(BYTES).replace(b"\xff\xc0", b"\xff\xc9", 1)
    with pytest.raises(Refusal) as refused:
        open_film(compressed_file(frame, BYTES, JPEGBaseline8Bit))
    assert refused.value.code == "unsupported"


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


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the bound on the processor's time is not Windows's")
def test_a_decoder_that_works_for_too_long_is_ended_by_its_own_clock() -> None:
    folder = str(Path(codestream.__file__).parent)
    endless = f"import sys; sys.path.append({folder!r}); import gdcm_process as g; g.bound_time(0.05)\nwhile True: pass"

    done = subprocess.run([sys.executable, "-c", endless], timeout=120, check=False)

    assert done.returncode == -signal.SIGPROF


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
    picture = data[data.index(b"\xff\xd8\xff") : data.rindex(b"\xff\xd9") + 2]
    assert np.abs(open_film(picture).pixels - WORDS / 4095).mean() < 0.01


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


@pytest.mark.parametrize("words", [BYTES, WORDS], ids=["8 bits", "12 bits"])
@pytest.mark.parametrize("zeros", [1, 3])
def test_zeros_before_the_end_of_jpeg_ls_are_passed_over(words: NDArray[Any], zeros: int) -> None:
    frame = bytes(jpeg_ls.encode_array(words))
    padded = frame[:-2] + bytes(zeros) + frame[-2:]
    shown = open_film(compressed_file(padded, words, JPEGLSLossless)).pixels
    assert np.array_equal(shown, open_film(dicom_file(words)).pixels)


@pytest.mark.parametrize("tiles", [None, (64, 64)])
@pytest.mark.parametrize("behind", [b"", bytes(50), b"\1\2\3" * 40])
def test_jpeg_2000_may_lack_its_end_marker_where_every_tile_is_there(
    tiles: tuple[int, int] | None, behind: bytes
) -> None:
    frame = jpeg_2000(WORDS) if tiles is None else tiled(WORDS)
    shown = open_film(compressed_file(frame[:-2] + behind, WORDS, JPEG2000Lossless)).pixels
    assert np.array_equal(shown, open_film(compressed_file(frame, WORDS, JPEG2000Lossless)).pixels)


@pytest.mark.parametrize("tiles", [None, (64, 64)])
def test_cut_jpeg_2000_is_damaged(tiles: tuple[int, int] | None) -> None:
    frame = jpeg_2000(WORDS) if tiles is None else tiled(WORDS)
    last = frame.rindex(b"\xff\x90")
    for kept in (len(frame) - 4, len(frame) // 2, last if tiles else last + 12):
        with pytest.raises(Refusal) as refused:
            open_film(compressed_file(frame[:kept], WORDS, JPEG2000Lossless))
        assert refused.value.code == "damaged"


def tiled(words: NDArray[Any]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(words).save(out, "JPEG2000", no_jp2=True, tile_size=(64, 64), irreversible=False)
    return out.getvalue()
