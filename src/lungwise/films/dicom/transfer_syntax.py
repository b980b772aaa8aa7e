"""The transfer syntax of a DICOM object: that which it names, and that which its bytes show."""

from __future__ import annotations

from lungwise.films.dicom.elements import DataSet, read_data_set
from lungwise.films.refusals import Refusal

IMPLICIT, LITTLE_ENDIAN, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
"""Implicit VR Little Endian, Explicit VR Little Endian and Explicit VR Big Endian."""


def syntax_of(data: bytes) -> str:
    """Return the transfer syntax of an object: that which it names, or else that which its bytes show."""
    try:
        found = read_data_set(data)
    except Refusal:
        return LITTLE_ENDIAN
    return found.syntax or shown_by(found)


def shown_by(found: DataSet) -> str:
    """Return the transfer syntax that a data set's bytes show, whatever its pixels are compressed with."""
    if found.encoding.order == ">":
        return BIG_ENDIAN
    return LITTLE_ENDIAN if found.encoding.explicit else IMPLICIT
