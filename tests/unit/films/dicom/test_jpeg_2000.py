from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import JPEG2000, JPEG2000Lossless

from dicom_files import compressed_file, dicom_file, jpeg_2000
from lungwise.films import Refusal, open_film
from synthetic_films import chest_bytes, chest_words

BYTES, WORDS = chest_bytes(), chest_words(bits=12)


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


def tiled(words: NDArray[Any]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(words).save(out, "JPEG2000", no_jp2=True, tile_size=(64, 64), irreversible=False)
    return out.getvalue()


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
