from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lungwise.films import Refusal, open_film
from lungwise.films.jpeg_segments import jpeg_segments
from synthetic_films import chest_bytes, picture

BYTES = chest_bytes()
RGB = np.stack([chest_bytes(seed=n) for n in range(3)], -1)
SEQUENTIAL, PROGRESSIVE = picture(BYTES, "JPEG"), picture(BYTES, "JPEG", progressive=True)
COLOURS = picture(RGB, "JPEG", progressive=True)
MEGABYTE = 2**20


@pytest.mark.parametrize(
    "junk",
    [
        b"\xff" * MEGABYTE,
        b"\1" * MEGABYTE,
        b"\xff\0" * MEGABYTE,
        b"\xff\xd0" * MEGABYTE,
        b"\xff\xe0\0\2" * MEGABYTE,
        b"\xff\xe0\0\2" + b"\0" * MEGABYTE,
    ],
    ids=["fill bytes", "bytes", "stuffed bytes", "restart markers", "segments of nothing", "bytes after a segment"],
)
def test_junk_before_the_frame_header_is_bounded(junk: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        open_film(b"\xff\xd8\xff\xe0\0\2" + junk + SEQUENTIAL[2:])
    assert refused.value.code == "damaged"


@pytest.mark.parametrize(
    "junk", [b"\xff" * 500, bytes(500), b"\xff\xfe\0\5abc" * 20], ids=["fill", "zeros", "comments"]
)
def test_a_little_of_it_is_passed_over(junk: bytes) -> None:
    film = open_film(b"\xff\xd8\xff\xe0\0\2" + junk + SEQUENTIAL[2:])
    assert np.array_equal(film.pixels, open_film(SEQUENTIAL).pixels)


@pytest.mark.parametrize("jpeg", [SEQUENTIAL, PROGRESSIVE, COLOURS], ids=["sequential", "progressive", "colours"])
@pytest.mark.parametrize(
    "trailer",
    [bytes(64), b"\xff\xda" * 500, b"\xff\xd9" * 9, b"ftypmp42" * 9000],
    ids=["zeros", "scans", "ends", "video"],
)
def test_what_follows_the_end_is_no_part_of_the_picture(jpeg: bytes, trailer: bytes) -> None:
    segments = jpeg_segments(jpeg + trailer)
    assert segments.ended
    assert segments.picture == jpeg_segments(jpeg).picture
    assert np.array_equal(open_film(jpeg + trailer).pixels, open_film(jpeg).pixels)


@pytest.mark.parametrize("jpeg", [SEQUENTIAL, PROGRESSIVE, COLOURS], ids=["sequential", "progressive", "colours"])
@pytest.mark.parametrize("trailer", [b"", bytes(100), b"SEFH" * 900, b"\xff\x3a\1\2" * 900], ids=repr)
def test_an_end_marker_may_lack_where_all_codes_are_there(jpeg: bytes, trailer: bytes) -> None:
    film = open_film(jpeg[:-2] + trailer)
    assert np.array_equal(film.pixels, open_film(jpeg).pixels)


@pytest.mark.parametrize("jpeg", [SEQUENTIAL, PROGRESSIVE, COLOURS], ids=["sequential", "progressive", "colours"])
def test_a_cut_jpeg_is_damaged_wherever_it_is_cut(jpeg: bytes) -> None:
    for kept in (*range(4, len(jpeg) - 12, len(jpeg) // 40), len(jpeg) - 12, len(jpeg) - 3):
        with pytest.raises(Refusal) as refused:
            open_film(jpeg[:kept])
        assert refused.value.code == "damaged"


def test_a_progressive_jpeg_without_its_last_scan_is_damaged() -> None:
    last = PROGRESSIVE.rindex(b"\xff\xda")
    last = PROGRESSIVE.rindex(b"\xff\xc4", 0, last) if PROGRESSIVE.rfind(b"\xff\xc4", 0, last) > last - 200 else last
    with pytest.raises(Refusal, match="end too early"):
        open_film(PROGRESSIVE[:last])


def test_the_thumbnail_of_a_camera_counts_no_scans() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    body = exif.tobytes() + b"\xff\xda\xff\xd9" * 500
    segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    film = open_film(SEQUENTIAL[:2] + segment + SEQUENTIAL[2:])
    assert film.pixels.shape == BYTES.shape[::-1]  # and it lies as the camera says


def test_the_picture_keeps_what_its_colours_are() -> None:
    out = io.BytesIO()
    Image.fromarray(np.dstack([RGB, BYTES])).convert("RGBA").convert("CMYK").save(out, "JPEG")
    jpeg = out.getvalue()
    assert b"Adobe" in jpeg_segments(jpeg).picture


def test_two_frame_headers_are_damaged() -> None:
    at = SEQUENTIAL.index(b"\xff\xc0")
    header = SEQUENTIAL[at : at + 2 + int.from_bytes(SEQUENTIAL[at + 2 : at + 4], "big")]
    with pytest.raises(Refusal, match="more than one header"):
        open_film(SEQUENTIAL[:at] + header + SEQUENTIAL[at:])
