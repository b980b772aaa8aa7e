"""Attributes in the DICOM JSON Model (PS3.18, annex F)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from lungwise.films.dicom.json_model import Attributes, attribute, header_attributes, value
from lungwise.films.dicom.json_object import object_attributes

if TYPE_CHECKING:
    from lungwise.dicomweb.instance_index import Instance

__all__ = ["Attributes", "attribute", "described", "of_film", "of_object", "value"]
_BULK = ("PixelData", "EncapsulatedDocument")
_UIDS = ("0020000D", "0020000E", "00080018")

of_film = header_attributes


def of_object(item: Dataset) -> Attributes:
    """Return the attributes of an object of our own, without its bulk data."""
    plain = Dataset()
    plain.update({element.tag: element for element in item if element.keyword not in _BULK})
    attributes: Attributes = plain.to_json_dict()
    return attributes


def described(one: Instance, study_url: str) -> Attributes:
    """Return all attributes of an object, and where its bulk data is."""
    series, instance = (value(one.attributes, tag) for tag in _UIDS[1:])
    whole = object_attributes(one.load(), f"{study_url}/series/{series}/instances/{instance}/bulkdata")
    known = whole or one.attributes
    return known | {tag: one.attributes[tag] for tag in _UIDS if tag in one.attributes}
