"""Attributes in the DICOM JSON Model (PS3.18, annex F)."""

from __future__ import annotations

from pydicom.dataset import Dataset

from lungwise.films.dicom.json_model import Attributes, attribute, header_attributes, value

__all__ = ["Attributes", "attribute", "of_film", "of_object", "value"]
_BULK = ("PixelData", "EncapsulatedDocument")

of_film = header_attributes


def of_object(item: Dataset) -> Attributes:
    """Return the attributes of an object of our own, without its bulk data."""
    plain = Dataset()
    plain.update({element.tag: element for element in item if element.keyword not in _BULK})
    attributes: Attributes = plain.to_json_dict()
    return attributes
