"""Objects in Explicit VR Little Endian, uncompressed, whatever they were stored in (PS3.18, 8.7.3.4)."""

from __future__ import annotations

import io
from collections.abc import Sequence

from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from lungwise.dicomweb.accept import AS_STORED, LITTLE_ENDIAN
from lungwise.films import Refusal
from lungwise.films.dicom.elements import PIXEL_DATA, DataSet, read_data_set, read_elements
from lungwise.films.dicom.image_pixel import read_image_pixel
from lungwise.films.dicom.pixel_data import bounded_words, check_syntax
from lungwise.results.result_objects import file_bytes

_RGB = {"RGB", "YBR_ICT", "YBR_RCT"}
"""What a decoder gives back as red, green and blue."""
_SWAPPED = {"OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2}
"""Bytes of the numbers in values that are not rewritten from one byte order to the other by themselves."""
_IMPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"


def syntax_of(data: bytes) -> str:
    """Return the transfer syntax of an object: that which it names, or else that which its bytes show."""
    try:
        found = read_data_set(data)
    except Refusal:
        return LITTLE_ENDIAN
    return found.syntax or _shown(found)


def in_a_form_of(data: bytes, wanted: Sequence[str]) -> bytes:
    """Return an object in the first of these transfer syntaxes that it can be given in; else as it was stored."""
    for syntax in wanted:
        if syntax in (AS_STORED, syntax_of(data)):
            break
        if syntax == LITTLE_ENDIAN:
            try:
                return as_little_endian(data)
            except Refusal:
                continue
    return data


def as_little_endian(data: bytes) -> bytes:
    """Write an object in Explicit VR Little Endian; what is in it already stays as it is, byte for byte.

    Raises
    ------
    Refusal
        If it cannot be read or decoded.
    """
    syntax = syntax_of(data)
    if syntax == LITTLE_ENDIAN:
        return data
    _syntax, elements = read_elements(data)  # with bounds, which the library lacks
    try:
        item = dcmread(io.BytesIO(data), force=True)
        if PIXEL_DATA in elements and elements[PIXEL_DATA].undefined_length:
            _decompress(item, data)
        elif syntax == _BIG_ENDIAN:
            item.walk(_swap)
        return _written(item)
    except Refusal:
        raise
    except Exception as error:  # whatever a sender wrote wrongly
        raise Refusal("unsupported", {"detail": "syntax", "syntax": syntax[:64]}) from error


def _shown(found: DataSet) -> str:
    if found.encoding.order == ">":
        return _BIG_ENDIAN
    return LITTLE_ENDIAN if found.encoding.explicit else _IMPLICIT


def _decompress(item: Dataset, data: bytes) -> None:
    syntax, elements = read_elements(data)
    check_syntax(syntax)
    pixel = read_image_pixel(elements)
    words = bounded_words(data, elements, syntax, pixel)
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
        element.value = b"".join(element.value[at : at + size][::-1] for at in range(0, whole, size))


def _written(item: Dataset) -> bytes:
    item.file_meta.TransferSyntaxUID = UID(LITTLE_ENDIAN)
    for name in ("SOPClassUID", "SOPInstanceUID"):
        setattr(item.file_meta, f"MediaStorage{name}", item[name].value)
    return file_bytes(item)
