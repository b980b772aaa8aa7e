"""Pictures of every format beside DICOM, decoded by Pillow: one plugin per format of `films.formats`."""

from __future__ import annotations

import contextlib
import io
import math
import re
import warnings
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageFile, ImageOps, JpegImagePlugin, PngImagePlugin, TiffImagePlugin
from PIL import WebPImagePlugin as WebP

from lungwise.films.deep_jpeg import decode_deep_jpeg
from lungwise.films.depth import white_level
from lungwise.films.film import Film, Photographed
from lungwise.films.jpeg_segments import DCT, JpegSegments, decoded_whole, jpeg_segments
from lungwise.films.limits import MAX_PIXELS, check_jpeg, check_size, damaged, several_frames
from lungwise.films.photograph.detection import cut_at, cut_out, transparency, unexplained_colour
from lungwise.films.png_chunks import picture_chunks
from lungwise.films.refusals import Refusal
from lungwise.films.tiff_directory import film_page, walked_samples
from lungwise.films.work_limit import SCANS_AS_ONE, check_work

_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebP.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
_PHOTOMETRIC = {
    "P": "PALETTE COLOR", "PA": "PALETTE COLOR", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK", "YCbCr": "YBR_FULL",
    "LAB": "LAB",
}  # fmt: skip
_ONLY_PICTURE = {"PNG": picture_chunks, "TIFF": film_page}
"""Functions that reduce a file to its picture."""

_TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_BITS_PER_SAMPLE, _MAX_SAMPLE_VALUE = 258, 281
_BMP_COMPRESSION, _BMP_RUN_LENGTHS = slice(30, 34), (1, 2)
_MAX_HEAVY_PIXELS = 40_000_000  # Pillow holds a WebP five times, and takes seconds for colours of 16 bits
_MAX_EXIF_BYTES = 2**20
_STRIP_PIXELS = 2**21
_BY_PILLOW = DCT | {0xC9, 0xCA}  # the last two are coded arithmetically
_RARE = re.compile("unknown (pixel|image) mode|unsupported|not supported|cannot handle|unrecognized", re.IGNORECASE)
"""Pillow's messages for sound pictures that it cannot read."""


def open_picture(
    data: bytes, kind: str, photographed: Photographed | None = None, least_side: int | None = None
) -> Film:
    """Decode a picture.

    Parameters
    ----------
    data
        The file.
    kind
        Its format.
    photographed
        Where a camera took it. Any other picture is searched for a film, and read whole if it has none.
    least_side
        As for `films.open_film`.

    Raises
    ------
    Refusal
        If the picture is too small, too large, of several frames, damaged or of no known kind.
    """
    if kind == "JPEG":
        return _open_jpeg(jpeg_segments(data), photographed, least_side)
    with _header_errors(kind):
        data = _ONLY_PICTURE[kind](data) if kind in _ONLY_PICTURE else data
    return _open(data, kind, photographed)


def _open_jpeg(segments: JpegSegments, photographed: Photographed | None, least_side: int | None) -> Film:
    header = segments.header
    check_size(header.columns, header.rows)
    if header.precision != 8 or header.process not in _BY_PILLOW:
        return _open_deep_jpeg(segments)
    check_jpeg(segments.picture, segments.scans, header.columns, header.rows)
    check_work(header.columns * header.rows * max(1, segments.scans // SCANS_AS_ONE))
    if not segments.ended:
        decoded_whole(segments, _decode_jpeg)
    return _open(segments.picture, "JPEG", photographed, least_side)


def _open_deep_jpeg(segments: JpegSegments) -> Film:
    """Decode a frame of 12 bits, or a lossless one, as they are in DICOM files."""
    if segments.header.components != 1:
        raise Refusal("unsupported", {"detail": "kind", "kind": "JPEG"})
    words = decode_deep_jpeg(segments)
    white = np.float32(white_level(float(words.max()), segments.header.precision))
    return Film(pixels=np.divide(words, white, dtype=np.float32), photometric="MONOCHROME2", kind="JPEG")


def _open(data: bytes, kind: str, photographed: Photographed | None, least_side: int | None = None) -> Film:
    with _quiet(), _header(data, kind) as image:
        _check_header(image, data, kind)
        photometric = _photometric(image)
        if least_side and image.mode == "L":  # in colours a film is first searched for
            _decode_smaller(image, least_side)
        image.load()
        _turn_upright(image)
        film = cut_at(image, photographed) if photographed else cut_out(image)
        colour, transparent = unexplained_colour(film or image), transparency(image)
        pixels = grey(film or image)
    if photometric == "MONOCHROME1" and image.mode not in ("1", "L"):  # Pillow itself turns those two
        np.subtract(1, pixels, out=pixels)
    facts: dict[str, Any] = {"colour": colour, "transparent": transparent}
    return Film(pixels=pixels, photometric=photometric, kind=kind, photograph=film is not None, **facts)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's warnings about odd metadata from the caller.

    `warnings.catch_warnings` puts back a whole list of filters and so undoes what other threads
    do meanwhile; one entry put in and taken out leaves theirs alone.
    """
    entry = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
    filters = cast(list[Any], warnings.filters)
    filters.insert(0, entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the caller's own catch_warnings has ended meanwhile
            filters.remove(entry)


def _decode_jpeg(jpeg: bytes) -> NDArray[Any]:
    with _quiet(), _header(jpeg, "JPEG") as image:
        return np.asarray(image)


def _header(data: bytes, kind: str) -> ImageFile.ImageFile:
    """Read the header by the one plugin: Image.open would warn of large pictures, which have their own refusal."""
    with _header_errors(kind):
        return _PLUGINS[kind](io.BytesIO(data))


@contextlib.contextmanager
def _header_errors(kind: str) -> Iterator[None]:
    try:
        yield
    except (Refusal, MemoryError):
        raise
    except Exception as error:
        if _RARE.search(str(error)):
            raise Refusal("unsupported", {"detail": "kind", "kind": kind}) from error
        raise damaged("kind", kind=kind) from error


def _check_header(image: ImageFile.ImageFile, data: bytes, kind: str) -> None:
    check_size(*image.size, _max_pixels(image, kind))
    if kind == "WebP" and getattr(image, "is_animated", False):
        raise several_frames()
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        check_work(walked_samples(image.tag_v2, len(data)))
    check_work(image.width * image.height)
    if kind == "BMP" and int.from_bytes(data[_BMP_COMPRESSION], "little") in _BMP_RUN_LENGTHS:
        # Pillow decodes these byte by byte in Python: minutes for a hostile file
        raise Refusal("unsupported", {"detail": "kind", "kind": "BMP (RLE)"})


def _decode_smaller(image: ImageFile.ImageFile, least_side: int) -> None:
    """Leave out the fine waves of a JPEG: its cosine transform gives a half, a quarter or an eighth of it at once."""
    shrink = least_side / min(image.size)
    if shrink < 1:
        image.draft("L", (math.ceil(image.width * shrink), math.ceil(image.height * shrink)))


def _turn_upright(image: ImageFile.ImageFile) -> None:
    """Follow EXIF; where it is broken or endless beside sound pixels, it is as if it were not there."""
    if len(image.info.get("exif", b"")) <= _MAX_EXIF_BYTES:
        with contextlib.suppress(Exception):
            ImageOps.exif_transpose(image, in_place=True)


def _max_pixels(image: ImageFile.ImageFile, kind: str) -> int:
    deep_colours = len(image.getbands()) > 1 and any(";16" in str(tile.args) for tile in image.tile)
    return _MAX_HEAVY_PIXELS if kind == "WebP" or deep_colours else MAX_PIXELS


def _photometric(image: ImageFile.ImageFile) -> str:
    tags = getattr(image, "tag_v2", {})
    if tags.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return "MONOCHROME1"
    return _PHOTOMETRIC.get(image.mode, "MONOCHROME2")


def grey(image: Image.Image) -> NDArray[np.float32]:
    """Turn a loaded picture into (height, width) grey in [0, 1]; transparency shows black behind."""
    if image.mode.startswith("I;16"):
        return _deep_grey(image)
    if image.mode in ("I", "F"):
        return _wide_grey(np.asarray(image))
    if image.mode == "L" and not image.has_transparency_data:
        return _unit(image, 255)
    width, height = image.size
    pixels = np.empty((height, width), np.float32)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):  # in strips, since the colours need several times the film's memory
        pixels[top : top + rows] = _strip_grey(image.crop((0, top, width, min(top + rows, height))))
    return pixels


def _strip_grey(strip: Image.Image) -> NDArray[np.float32]:
    if not strip.has_transparency_data:
        return _unit(strip.getchannel("L") if strip.mode == "LAB" else strip.convert("L"), 255)
    seen = strip.convert("LA") if strip.mode == "La" else strip
    seen = seen if seen.mode in ("LA", "RGBA") else seen.convert("RGBA")
    return _unit(seen.convert("L"), 255) * _unit(seen.getchannel("A"), 255)


def _unit(image: Image.Image, top: int) -> NDArray[np.float32]:
    pixels: NDArray[np.float32] = np.divide(np.asarray(image), np.float32(top), dtype=np.float32)
    return pixels


def _deep_grey(image: Image.Image) -> NDArray[np.float32]:
    words = np.asarray(image)
    pixels: NDArray[np.float32] = np.divide(words, np.float32(_white_of(image, float(words.max()))), dtype=np.float32)
    np.minimum(pixels, 1, out=pixels)
    if isinstance(transparent := image.info.get("transparency"), int):
        pixels[words == transparent] = 0
    return pixels


def _white_of(image: Image.Image, greatest: float) -> float:
    """Return white as a TIFF states it; else that of the fewest bits that hold the values that occur."""
    tags = getattr(image, "tag_v2", {})
    white, bits = (_first_number(tags.get(tag)) for tag in (_MAX_SAMPLE_VALUE, _BITS_PER_SAMPLE))
    if white and greatest <= white < 1 << 16:
        return white
    if bits and bits < 16 and greatest < 1 << int(bits):
        return float((1 << int(bits)) - 1)
    return white_level(greatest, 16)


def _first_number(value: Any) -> float:  # noqa: ANN401 - of a tag that may hold anything
    first = value[0] if isinstance(value, tuple) and value else value
    return float(first) if isinstance(first, int) else 0.0


def _wide_grey(values: NDArray[Any]) -> NDArray[np.float32]:
    """32 bits have no agreed scale: reals already in [0, 1] stay, all else spans its own range."""
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise damaged("numbers")
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return values.astype(np.float32)
    scale = max(float(high) - float(low), 1e-30)
    pixels: NDArray[np.float32]
    if values.dtype.kind == "f":
        pixels = np.divide(values, scale, dtype=np.float32)
        np.subtract(pixels, np.float32(low / scale), out=pixels)
    else:  # the difference of two int32 fits uint32, not int32
        pixels = np.divide(values.view(np.uint32) - np.int32(low).view(np.uint32), np.float32(scale), dtype=np.float32)
    np.clip(pixels, 0, 1, out=pixels)
    return pixels
