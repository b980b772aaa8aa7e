from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from lungwise.films import Refusal, open_film
from lungwise.films.collection import read_collection
from lungwise.films.preprocess import preprocess
from synthetic_films import chest_bytes, chest_film, chest_words, picture

LOSSLESS = ["PNG", "TIFF", "BMP"]


def luma(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_8_bits_become_exactly_their_share_of_255(kind: str) -> None:
    values = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    film = open_film(picture(values, kind))
    assert film.pixels.dtype == np.float32
    assert np.array_equal(film.pixels, values.astype(np.float32) / np.float32(255))
    assert (film.kind, film.photometric) == (kind, "MONOCHROME2")


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_become_exactly_their_share_of_65535(kind: str) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    film = open_film(picture(values, kind))
    assert np.array_equal(film.pixels, values.astype(np.float32) / np.float32(65535))


def test_big_endian_tiff_of_16_bits() -> None:
    image = Image.frombytes("I;16B", (128, 160), chest_words().astype(">u2").tobytes())
    assert np.allclose(open_film(picture(image, "TIFF")).pixels, chest_words() / 65535)


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"quality": 95}), ("WebP", {"lossless": True})])
def test_coded_pictures_look_like_the_original(kind: str, options: dict[str, int]) -> None:
    film = open_film(picture(chest_bytes(), kind, **options))
    assert film.kind == kind
    assert np.abs(film.pixels - chest_bytes() / 255).mean() < 0.01


@pytest.mark.parametrize("kind", ["JPEG", *LOSSLESS])
def test_colours_become_their_luma(kind: str) -> None:
    rgb = Image.merge("RGB", [Image.fromarray(chest_bytes(seed=n)) for n in range(3)])
    file = picture(rgb, kind)
    with Image.open(io.BytesIO(file)) as stored:
        assert np.array_equal(open_film(file).pixels, luma(stored))
    assert open_film(file).photometric == "RGB"


def test_a_palette_is_looked_up() -> None:
    paletted = Image.fromarray(chest_bytes() // 4).convert("P")
    paletted.putpalette([level for n in range(64) for level in (255 - n, n * 2, n)])
    film = open_film(picture(paletted, "PNG"))
    assert film.photometric == "PALETTE COLOR"
    assert np.array_equal(film.pixels, luma(paletted))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_is_transparent_is_black(mode: str) -> None:
    image = Image.fromarray(chest_bytes() | 1).convert(mode)
    alpha = np.full(chest_bytes().shape, 255, np.uint8)
    alpha[:40], alpha[40:80] = 0, 128
    image.putalpha(Image.fromarray(alpha))
    pixels = open_film(picture(image, "PNG")).pixels
    expected = (chest_bytes() | 1) / 255 * (alpha / 255)
    assert np.abs(pixels - expected).max() < 1 / 255
    assert (pixels[:40] == 0).all()


@pytest.mark.parametrize("values", [chest_bytes(), chest_words()])
def test_a_grey_level_declared_transparent_is_black(values: np.ndarray) -> None:
    level = int(values[80, 64])
    pixels = open_film(picture(values, "PNG", transparency=level)).pixels
    assert (pixels[values == level] == 0).all()
    assert (pixels[values > level] > 0).all()


def test_cmyk_and_1_bit_pictures_are_read() -> None:
    cmyk = Image.fromarray(chest_bytes()).convert("RGB").convert("CMYK")
    assert np.abs(open_film(picture(cmyk, "TIFF")).pixels - chest_bytes() / 255).max() < 2 / 255
    assert np.abs(open_film(picture(cmyk, "JPEG", quality=95)).pixels - chest_bytes() / 255).mean() < 0.02
    line = Image.fromarray(chest_bytes() > 127)
    for kind in LOSSLESS:
        assert np.array_equal(open_film(picture(line, kind)).pixels, chest_bytes() > 127)


def test_tiff_of_reals_in_the_unit_range_stays_as_it_is() -> None:
    values = chest_film().astype(np.float32)
    assert np.array_equal(open_film(picture(values, "TIFF")).pixels, values)


@pytest.mark.parametrize(
    "values", [chest_film() * 9000 - 1000, (chest_film() * 2**32 - 2**31).clip(-(2**31), 2**31 - 1)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_tiff_of_other_32_bit_numbers_spans_its_range(values: np.ndarray, dtype: type) -> None:
    values = values.astype(dtype).astype(np.float64)
    pixels = open_film(picture(values.astype(dtype), "TIFF")).pixels
    assert np.abs(pixels - (values - values.min()) / np.ptp(values)).max() < 1e-6


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_tiff_with_a_pixel_that_is_no_number_is_refused(hole: float) -> None:
    values = chest_film().astype(np.float32)
    values[5, 5] = hole
    with pytest.raises(Refusal, match="not numbers") as refused:
        open_film(picture(values, "TIFF"))
    assert refused.value.code == "damaged"


@pytest.mark.parametrize("values", [chest_bytes(), chest_words()])
def test_tiff_where_white_is_zero_is_turned(values: np.ndarray) -> None:
    top = np.iinfo(values.dtype).max
    file = picture(values, "TIFF", tiffinfo={262: 0})
    film = open_film(file)
    assert film.photometric == "MONOCHROME1"
    inverted = values.dtype == np.uint16  # Pillow itself writes 8 bits inverted, and 16 bits as they are
    assert np.allclose(film.pixels, (top - values if inverted else values) / top, atol=1e-6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WebP"])
@pytest.mark.parametrize(("orientation", "turned"), [(3, 2), (6, 3), (8, 1)])
def test_the_film_is_turned_upright(kind: str, orientation: int, turned: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WebP" else {}
    film = open_film(picture(chest_bytes(), kind, exif=exif, **options))
    assert np.abs(film.pixels - np.rot90(chest_bytes(), turned) / 255).mean() < 0.01


def test_broken_exif_does_not_cost_the_film() -> None:
    file = picture(chest_bytes(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7fgarbage")
    assert open_film(file).pixels.shape == (160, 128)


def test_endless_exif_is_as_if_it_were_not_there() -> None:
    exif = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, 3, 1, 6, 0)
    assert open_film(picture(chest_bytes(), "PNG", exif=exif)).pixels.shape == (128, 160)
    assert open_film(picture(chest_bytes(), "PNG", exif=exif + bytes(2**20))).pixels.shape == (160, 128)


def test_colours_of_16_bits_may_have_fewer_pixels() -> None:
    size = struct.pack(">II", 7000, 7000)
    for colours, code in ((0, "damaged"), (2, "too-many-pixels"), (4, "too-many-pixels"), (6, "too-many-pixels")):
        header = b"IHDR" + size + bytes([16, colours, 0, 0, 0])
        file = picture(chest_words(), "PNG")
        file = file[:12] + header + struct.pack(">I", zlib.crc32(header)) + file[33:]
        with pytest.raises(Refusal) as refused:
            open_film(file)
        assert refused.value.code == code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WebP"])
def test_a_truncated_picture_is_damaged(kind: str) -> None:
    file = picture(chest_bytes(), kind)
    for share in (0.3, 0.6, 0.9, 0.99):
        with pytest.raises(Refusal) as refused:
            open_film(file[: int(len(file) * share)])
        assert refused.value.code == "damaged"


def test_pillow_is_never_told_to_read_truncated_pictures() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_a_png_with_a_flipped_bit_is_damaged() -> None:
    file = bytearray(picture(chest_bytes(), "PNG"))
    file[len(file) // 2] ^= 1
    with pytest.raises(Refusal) as refused:
        open_film(bytes(file))
    assert refused.value.code == "damaged"


@pytest.mark.parametrize("kind", ["PNG", "WebP", "TIFF"])
def test_several_pictures_in_one_file_are_refused(kind: str) -> None:
    more = [Image.fromarray(chest_bytes(seed=n)) for n in (1, 2)]
    with pytest.raises(Refusal) as refused:
        open_film(picture(chest_bytes(), kind, save_all=True, append_images=more))
    assert refused.value.code == "several-frames"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WebP"])
def test_a_thumbnail_is_too_small(kind: str) -> None:
    with pytest.raises(Refusal) as refused:
        open_film(picture(chest_bytes(63, 200), kind))
    assert refused.value.code == "too-small"
    assert open_film(picture(chest_bytes(64, 200), kind)).pixels.shape == (64, 200)


def test_a_bomb_is_refused_by_its_header() -> None:
    file = bytearray(picture(chest_bytes(), "BMP"))
    file[18:22] = (30_000).to_bytes(4, "little")
    file[22:26] = (30_000).to_bytes(4, "little")
    with pytest.raises(Refusal) as refused:
        open_film(bytes(file))
    assert refused.value.code == "too-many-pixels"


def test_a_jpeg_of_endless_scans_is_damaged() -> None:
    file = picture(chest_bytes(), "JPEG", progressive=True)
    scan = file.rindex(b"\xff\xda")
    with pytest.raises(Refusal, match="scans") as refused:
        open_film(file[:-2] + file[scan:-2] * 100 + file[-2:])
    assert refused.value.code == "damaged"


def test_run_length_coded_bmp_is_unsupported() -> None:
    file = bytearray(picture(chest_bytes(), "BMP"))
    file[30] = 1
    with pytest.raises(Refusal) as refused:
        open_film(bytes(file))
    assert refused.value.code == "unsupported"


def test_warnings_of_pillow_reach_no_caller_in_any_thread() -> None:
    """Pillow warns of an EXIF directory that ends early; warnings are errors here."""
    odd = picture(chest_bytes(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0")
    with pytest.warns(UserWarning, match="Corrupt EXIF"), Image.open(io.BytesIO(odd)) as image:
        image.getexif()
    before = list(warnings.filters)
    shapes: list[tuple[int, ...]] = []
    threads = [threading.Thread(target=lambda: shapes.append(open_film(odd).pixels.shape)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shapes == [(160, 128)] * 8
    assert list(warnings.filters) == before


@pytest.mark.films
def test_real_films_are_read_as_they_are_stored(films_folder: Path) -> None:
    films = read_collection(films_folder / "films.csv")[::400]
    for labelled in films:
        with Image.open(labelled.path) as image:
            assert np.array_equal(open_film(labelled.path.read_bytes()).pixels, luma(image))


def test_a_sound_tiff_of_a_rare_depth_is_unsupported_and_not_damaged() -> None:
    file = bytearray(picture(chest_bytes(), "TIFF"))
    at = file.index(b"\x02\x01\x03\0\1\0\0\0")  # bits of a sample
    file[at + 8] = 14
    with pytest.raises(Refusal) as refused:
        open_film(bytes(file))
    assert refused.value.code == "unsupported"


@pytest.mark.parametrize("process", [0xC3, 0xC5, 0xCB, 0xF7])
def test_a_jpeg_of_a_rare_process_is_never_taken_for_another(process: int) -> None:
    file = picture(chest_bytes(), "JPEG")
    at = file.index(b"\xff\xc0")
    with pytest.raises(Refusal) as refused:
        open_film(file[: at + 1] + bytes([process]) + file[at + 2 :])
    assert refused.value.code in ("unsupported", "damaged")


def test_a_grey_jpeg_is_decoded_no_finer_than_it_is_asked_for() -> None:
    smooth = Image.linear_gradient("L").resize((2600, 2000))
    packed = io.BytesIO()
    smooth.save(packed, "JPEG", quality=95)

    whole, half = (open_film(packed.getvalue(), least_side=side) for side in (None, 512))

    assert (whole.pixels.shape, half.pixels.shape) == ((2000, 2600), (1000, 1300))
    assert open_film(packed.getvalue(), least_side=1100).pixels.shape == (2000, 2600)
    np.testing.assert_allclose(preprocess(half.pixels), preprocess(whole.pixels), atol=0.01)


def test_pictures_of_other_kinds_keep_every_pixel() -> None:
    for kind, mode in (("PNG", "L"), ("JPEG", "RGB")):
        packed = io.BytesIO()
        Image.linear_gradient("L").resize((1300, 1400)).convert(mode).save(packed, kind)
        assert open_film(packed.getvalue(), least_side=512).pixels.shape == (1400, 1300)
