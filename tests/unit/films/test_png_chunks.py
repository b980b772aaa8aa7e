from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from lungwise.films import Refusal, open_film
from lungwise.films.png_chunks import picture_chunks
from synthetic_films import chest_bytes, chest_words, picture

BYTES = chest_bytes()
PNG = picture(BYTES, "PNG")
MEGABYTES = bytes(3 * 2**20)


def chunk(kind: bytes, body: bytes, *, sound: bool = True) -> bytes:
    checksum = zlib.crc32(kind + body) ^ (0 if sound else 1)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def after_header(*chunks: bytes) -> bytes:
    return PNG[:33] + b"".join(chunks) + PNG[33:]


@pytest.mark.parametrize(
    "beside",
    [
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(MEGABYTES)),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(MEGABYTES)),
        chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + zlib.compress(MEGABYTES)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(MEGABYTES)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + MEGABYTES),
        chunk(b"tEXt", b"Comment\0" + MEGABYTES),
        chunk(b"zTXt", b"Raw profile type exif\0\7 of another method"),
        chunk(b"zTXt", b"Raw profile type exif\0\0 no deflate"),
        chunk(b"tEXt", b"Comment\0text", sound=False),
        chunk(b"pHYs", bytes(9), sound=False),
        chunk(b"iCCP", b"profile", sound=False),
        chunk(b"pHYs", b"short"),
        chunk(b"gAMA", b""),
        chunk(b"tIME", b"yesterday"),
        chunk(b"sBIT", b""),
        chunk(b"tRNS", b""),
        chunk(b"eXIf", b"no exif"),
        chunk(b"eXIf", MEGABYTES),
        chunk(b"acTL", struct.pack(">II", 1, 0)),
        chunk(b"xxXx", b"private"),
    ],
    ids=range(20),
)
def test_what_lies_beside_the_picture_costs_no_film(beside: bytes) -> None:
    expected = open_film(PNG).pixels
    assert np.array_equal(open_film(after_header(beside)).pixels, expected)
    assert np.array_equal(open_film(PNG[:-12] + beside + PNG[-12:]).pixels, expected)


def test_a_text_cut_at_the_end_of_the_file_costs_no_film() -> None:
    cut = PNG[:-12] + chunk(b"tEXt", b"Comment\0" + bytes(100))[:50]
    assert np.array_equal(open_film(cut).pixels, open_film(PNG).pixels)


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"PLTE"])
def test_a_wrong_checksum_of_the_picture_is_damaged(kind: bytes) -> None:
    png = bytearray(picture(Image.fromarray(BYTES).convert("P"), "PNG"))
    at = png.index(kind)
    png[at + 4 + int.from_bytes(png[at - 4 : at], "big")] ^= 1
    with pytest.raises(Refusal, match="checksum") as refused:
        open_film(bytes(png))
    assert refused.value.code == "damaged"


def test_a_cut_png_is_damaged() -> None:
    for kept in range(30, len(PNG) - 16, len(PNG) // 20):
        with pytest.raises(Refusal) as refused:
            open_film(PNG[:kept])
        assert refused.value.code == "damaged"


def test_pixels_that_lack_a_chunk_are_damaged() -> None:
    wide = picture(chest_words(600, 500), "PNG")  # several chunks of pixels
    first = wide.index(b"IDAT") - 4
    second = wide.index(b"IDAT", first + 12) - 4
    for cut in (wide[:second], wide[:second] + wide[-12:]):
        with pytest.raises(Refusal) as refused:
            open_film(cut)
        assert refused.value.code == "damaged"


def test_chunks_without_number_are_damaged() -> None:
    with pytest.raises(Refusal, match="chunks"):
        open_film(after_header(chunk(b"tEXt", b"") * 200_000))


def test_how_a_picture_lies_is_kept() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture(BYTES, "PNG", exif=exif)
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", '<rdf:Description tiff:Orientation="6"/>', zip=True)
    for png in (turned, picture(BYTES, "PNG", pnginfo=info)):
        assert open_film(png).pixels.shape == BYTES.shape[::-1]


def test_the_picture_alone_is_as_long_as_it_needs() -> None:
    assert picture_chunks(after_header(chunk(b"tEXt", b"Comment\0" + MEGABYTES))) == picture_chunks(PNG) == PNG
