"""Objects in Explicit VR Little Endian, uncompressed, whatever they were stored in (PS3.18, 8.7.3.4)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from lungwise.dicomweb.accept import AS_STORED
from lungwise.films import Refusal
from lungwise.films.dicom.elements import PIXEL_DATA, Elements, read_data_set
from lungwise.films.dicom.image_pixel import read_image_pixel
from lungwise.films.dicom.pixel_data import NATIVE, bounded_words, check_syntax
from lungwise.films.dicom.transfer_syntax import BIG_ENDIAN, LITTLE_ENDIAN, shown_by, syntax_of
from lungwise.results.result_objects import file_bytes

_RGB = {"RGB", "YBR_ICT", "YBR_RCT"}
"""What a decoder gives back as red, green and blue."""
_SWAPPED = {"OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2}
"""Bytes of the numbers in values that are not rewritten from one byte order to the other by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """An object as it is stored, its elements, and the transfer syntaxes that it names ('' for none) and shows."""

    data: bytes
    elements: Elements
    named: str
    shown: str

    @property
    def syntax(self) -> str:
        return self.named or self.shown

    @property
    def is_compressed(self) -> bool:
        return PIXEL_DATA in self.elements and self.elements[PIXEL_DATA].undefined_length

    @property
    def says_how_it_is_written(self) -> bool:
        """Whether others can read it by what it says of itself.

        They cannot where it is no file of PS3.10, or where it calls compressed pixels uncompressed.
        """
        return self.data[128:132] == b"DICM" and not (self.named in NATIVE and self.is_compressed)


def in_a_form_of(data: bytes, wanted: Sequence[str]) -> tuple[bytes, str]:
    """Return an object in the first of these transfer syntaxes that it can be given in, and which that is.

    Where it can be given in none, it is returned as it was stored. To a client that takes any, what does not say
    rightly how it is written is given in Explicit VR Little Endian.
    """
    try:
        stored = _read(data)
    except Refusal:  # nor can it be written anew
        return data, syntax_of(data)
    for syntax in wanted:
        if syntax == LITTLE_ENDIAN or (syntax == AS_STORED and not stored.says_how_it_is_written):
            try:
                return _as_little_endian(stored), LITTLE_ENDIAN
            except Refusal:
                continue
        if syntax in (AS_STORED, stored.syntax):
            break
    return data, stored.syntax


def _read(data: bytes) -> _Stored:
    """Read an object's elements, once and with bounds, which the library lacks."""
    found = read_data_set(data)
    return _Stored(data=data, elements=found.elements(), named=found.syntax, shown=shown_by(found))


def _as_little_endian(stored: _Stored) -> bytes:
    """Write an object in Explicit VR Little Endian; what is in it already stays as it is, byte for byte."""
    if stored.named == stored.shown == LITTLE_ENDIAN and stored.says_how_it_is_written:
        return stored.data
    try:
        item = dcmread(io.BytesIO(stored.data), force=True)
        if stored.is_compressed:
            _decompress(item, stored)
        elif stored.syntax == BIG_ENDIAN:
            item.walk(_swap)
        return _written(item)
    except Refusal:
        raise
    except Exception as error:  # whatever a sender wrote wrongly
        raise Refusal("unsupported", {"detail": "syntax", "syntax": stored.named[:64]}) from error


def _decompress(item: Dataset, stored: _Stored) -> None:
    check_syntax(stored.named)
    pixel = read_image_pixel(stored.elements)
    words = bounded_words(stored.data, stored.elements, stored.named, pixel)
    octets = words.astype(f"<u{pixel.bits_allocated // 8}").tobytes()
    item.add_new(PIXEL_DATA, "OB" if pixel.bits_allocated == 8 else "OW", octets + bytes(len(octets) % 2))
    if pixel.samples > 1:
        if words.ndim == 2:  # of halved colours, the brightness alone
            raise Refusal("unsupported", {"detail": "planes"})
        item.PlanarConfiguration = 0
        item.PhotometricInterpretation = "RGB" if pixel.photometric in _RGB else "YBR_FULL"


def _swap(_item: Dataset, element: DataElement) -> None:
    """Turn the bytes of each number around, where the library leaves them as they are."""
    size = _SWAPPED.get(element.VR)
    if size and isinstance(element.value, bytes):
        whole = len(element.value) // size * size
        element.value = np.frombuffer(element.value[:whole], f"u{size}").byteswap().tobytes()


def _written(item: Dataset) -> bytes:
    item.file_meta.TransferSyntaxUID = UID(LITTLE_ENDIAN)
    for name in ("SOPClassUID", "SOPInstanceUID"):
        setattr(item.file_meta, f"MediaStorage{name}", item[name].value)
    return file_bytes(item)
