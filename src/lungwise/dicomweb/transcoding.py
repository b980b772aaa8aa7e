"""Objects in Explicit VR Little Endian, uncompressed, whatever they were stored in (PS3.18, 8.7.3.4)."""

from __future__ import annotations

import io
from collections.abc import Sequence

from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from lungwise.dicomweb.accept import AS_STORED
from lungwise.films import Refusal
from lungwise.films.dicom.elements import PIXEL_DATA, Elements, read_data_set, read_elements
from lungwise.films.dicom.image_pixel import read_image_pixel
from lungwise.films.dicom.pixel_data import NATIVE, bounded_words, check_syntax
from lungwise.films.dicom.transfer_syntax import BIG_ENDIAN, LITTLE_ENDIAN, shown_by, syntax_of
from lungwise.results.result_objects import file_bytes

_RGB = {"RGB", "YBR_ICT", "YBR_RCT"}
"""What a decoder gives back as red, green and blue."""
_SWAPPED = {"OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2}
"""Bytes of the numbers in values that are not rewritten from one byte order to the other by themselves."""


def in_a_form_of(data: bytes, wanted: Sequence[str]) -> bytes:
    """Return an object in the first of these transfer syntaxes that it can be given in; else as it was stored.

    To a client that takes any, what does not say rightly how it is written is given in Explicit VR Little Endian.
    """
    for syntax in wanted:
        if syntax == LITTLE_ENDIAN or (syntax == AS_STORED and not _says_how_it_is_written(data)):
            try:
                return as_little_endian(data)
            except Refusal:
                continue
        if syntax in (AS_STORED, syntax_of(data)):
            break
    return data


def as_little_endian(data: bytes) -> bytes:
    """Write an object in Explicit VR Little Endian; what is in it already stays as it is, byte for byte.

    Raises
    ------
    Refusal
        If it cannot be read or decoded.
    """
    found = read_data_set(data)
    syntax, elements = read_elements(data)  # with bounds, which the library lacks
    if syntax == shown_by(found) == LITTLE_ENDIAN and _says_how_it_is_written(data):
        return data
    try:
        item = dcmread(io.BytesIO(data), force=True)
        if _is_compressed(elements):
            _decompress(item, data)
        elif syntax_of(data) == BIG_ENDIAN:
            item.walk(_swap)
        return _written(item)
    except Refusal:
        raise
    except Exception as error:  # whatever a sender wrote wrongly
        raise Refusal("unsupported", {"detail": "syntax", "syntax": syntax[:64]}) from error


def _says_how_it_is_written(data: bytes) -> bool:
    """Return whether others can read an object by what it says of itself.

    They cannot where it is no file of PS3.10, or where it calls compressed pixels uncompressed.
    """
    try:
        syntax, elements = read_elements(data)
    except Refusal:  # nor can it be written anew
        return True
    return data[128:132] == b"DICM" and not (syntax in NATIVE and _is_compressed(elements))


def _is_compressed(elements: Elements) -> bool:
    return PIXEL_DATA in elements and elements[PIXEL_DATA].undefined_length


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
