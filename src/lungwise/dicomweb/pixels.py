"""What of an instance is no header: its frame as numbers, and its picture or document as a browser shows it.

All of it goes through the bounded reader of `films`, since a film may be hostile.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungwise.errors import Rejected
from lungwise.films import Refusal, open_film
from lungwise.films.dicom.elements import PIXEL_DATA, Elements, read_elements
from lungwise.films.dicom.image_pixel import SAMPLES, ImagePixel, read_image_pixel
from lungwise.films.dicom.json_object import bulk_data
from lungwise.films.dicom.pixel_data import bounded_words, check_syntax
from lungwise.studies.pictures import LARGEST, as_jpeg, as_png, picture

JPEG, PNG, PDF = "image/jpeg", "image/png", "application/pdf"
_DOCUMENT, _DOCUMENT_LENGTH = 0x00420011, 0x00420015
_ALLOCATED, _FRAMES = 0x00280100, 0x00280008


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """How to render: the largest size, and the quality of a JPEG."""

    width: int = LARGEST
    height: int = LARGEST
    quality: int = 88

    @classmethod
    def parse(cls, parameters: dict[str, str], largest: int = LARGEST) -> RenderOptions:
        """Parse the parameters of a request for a picture whose longest side is at most `largest`.

        Raises
        ------
        Rejected
            If there are others than viewport and quality, or one of these is wrong.
        """
        found = {name: text for name, text in parameters.items() if name != "accept"}
        viewport = re.fullmatch(r"([1-9]\d{0,4}),([1-9]\d{0,4})", found.pop("viewport", f"{largest},{largest}"))
        quality = re.fullmatch(r"100|[1-9]\d?", found.pop("quality", "88"))
        if found or viewport is None or quality is None:
            raise Rejected("A rendered picture takes viewport=WIDTH,HEIGHT and quality=1 to 100, and nothing else.")
        width, height = (min(int(side), largest) for side in viewport.groups())
        return cls(width=width, height=height, quality=int(quality[0]))


def frame(data: bytes) -> bytes:
    """Decode the one frame of an instance, as Explicit VR Little Endian has it.

    Raises
    ------
    Refusal
        If it has none, or one that cannot be given so that its header still describes it.
    """
    syntax, elements = read_elements(data)
    if _is_mask(elements):
        return bytes(elements[PIXEL_DATA].value)
    words, pixel = _pixels(data, syntax, elements)
    return words.astype(f"<u{pixel.bits_allocated // 8}").tobytes()


def _is_mask(elements: Elements) -> bool:
    """Return whether the one frame is a mask of eight pixels to a byte."""
    pixels = elements.get(PIXEL_DATA)
    is_native = pixels is not None and not pixels.undefined_length
    return is_native and elements.word(_ALLOCATED, 0) == 1 and elements.number(_FRAMES) in (None, 1)


def bulk(data: bytes, path: str) -> bytes | None:
    """Return bulk data by its path: pixels decoded, anything else as it is; None where there is none.

    Raises
    ------
    Refusal
        If it cannot be read.
    """
    return frame(data) if int(path[:8], 16) == PIXEL_DATA else bulk_data(data, path)


def rendered(data: bytes, quality: Callable[[str], float], options: RenderOptions) -> tuple[bytes, str] | None:
    """Return an instance's picture, or the document that it holds, with its media type.

    Parameters
    ----------
    quality
        How much the client likes a media type; 0 for one that it does not take. None comes back where it takes none.

    Raises
    ------
    Refusal
        If there is nothing to show.
    """
    syntax, elements = read_elements(data)
    document = elements.get(_DOCUMENT)
    kind = max((PDF,) if document else (JPEG, PNG), key=quality)
    if not quality(kind):
        return None
    if document:
        return _document(elements), PDF
    image = _picture(data, syntax, elements)
    image.thumbnail((options.width, options.height))
    return (as_jpeg(image, options.quality) if kind == JPEG else as_png(image)), kind


def _pixels(data: bytes, syntax: str, elements: Elements) -> tuple[NDArray[np.uint8 | np.uint16], ImagePixel]:
    if PIXEL_DATA not in elements:
        raise Refusal("unsupported", {"detail": "no-picture"})
    check_syntax(syntax)
    pixel = read_image_pixel(elements)
    if pixel.samples > 1 and (pixel.photometric != "RGB" or pixel.planar or elements[PIXEL_DATA].undefined_length):
        raise Refusal("unsupported", {"detail": "planes"})
    return bounded_words(data, elements, syntax, pixel), pixel


def _picture(data: bytes, syntax: str, elements: Elements) -> Image.Image:
    """Draw colours as they are, and a film as its reader sees it."""
    if elements.word(SAMPLES, 1) == 3:
        words, pixel = _pixels(data, syntax, elements)
        return Image.fromarray((words >> pixel.bits_allocated - 8).astype(np.uint8))
    return picture(open_film(data))


def _document(elements: Elements) -> bytes:
    lengths = elements.get(_DOCUMENT_LENGTH)
    value = bytes(elements[_DOCUMENT].value)
    return value[: int.from_bytes(lengths.value, "little")] if lengths else value
