"""DICOM films: computed and digital radiography, and secondary captures of them."""

from __future__ import annotations

import re

import numpy as np

from lungwise.films.dicom.elements import PIXEL_DATA, Elements, read_elements
from lungwise.films.dicom.grey_levels import grey_film, luminance
from lungwise.films.dicom.header import header_of
from lungwise.films.dicom.image_pixel import read_image_pixel
from lungwise.films.dicom.pixel_data import check_syntax, stored_words
from lungwise.films.film import Film
from lungwise.films.limits import damaged
from lungwise.films.refusals import BODY_PART, Refusal

_MODALITY, _EXAMINED = 0x00080060, 0x00180015
_ROWS, _ENCRYPTED = 0x00280010, 0x04000500
_VIEW, _IMAGE_LATERALITY, _LATERALITY = 0x00185101, 0x00200062, 0x00200060
_SPACING, _IMAGER_SPACING = 0x00280030, 0x00181164

_RADIOGRAPHY = {"", "CR", "DX", "DR", "RG", "OT", "SC"}
_CHEST = {"CHEST", "THORAX", "LUNG", "LUNGS"}
# fmt: off
_NOT_CHEST = {
    "ABDOMEN", "ABDOMENPELVIS", "ANKLE", "ARM", "BREAST", "CALCANEUS", "CALF", "CERVIX", "CLAVICLE", "COCCYX",
    "CSPINE", "CTSPINE", "EAR", "ELBOW", "EXTREMITY", "EYE", "FACE", "FEMUR", "FINGER", "FOOT", "FOREARM",
    "HAND", "HEAD", "HEEL", "HIP", "HUMERUS", "JAW", "KNEE", "LEG", "LSPINE", "LSSPINE", "MANDIBLE", "MAXILLA",
    "NECK", "NOSE", "ORBIT", "PATELLA", "PELVIS", "RADIUS", "SACRUM", "SCAPULA", "SHOULDER", "SKULL", "SPINE",
    "SSPINE", "TEETH", "THIGH", "THUMB", "TIBIA", "TOE", "TSPINE", "ULNA", "WRIST", "ZYGOMA",
}
# fmt: on


def open_dicom(data: bytes) -> Film:
    """Decode a DICOM film.

    Raises
    ------
    Refusal
        If it is no radiograph, or one that cannot be read.
    """
    syntax, elements = read_elements(data)
    _check_radiograph(elements)
    check_syntax(syntax)
    pixel = read_image_pixel(elements)
    words = stored_words(elements, syntax, pixel)
    pixels = grey_film(words, elements, pixel) if pixel.samples == 1 else luminance(words, pixel)
    header = header_of(elements)
    return Film(
        pixels,
        pixel.photometric,
        "DICOM",
        view=elements.text(_VIEW) or None,
        laterality=elements.text(_IMAGE_LATERALITY) or elements.text(_LATERALITY) or None,
        age=header.years,
        sex=header.sex or None,
        pixel_spacing=_pixel_spacing(elements),
        warnings=(*header.warnings, *([BODY_PART] if _names_another_part(elements) else [])),
    )


def _check_radiograph(elements: Elements) -> None:
    modality = elements.text(_MODALITY).upper()
    if modality not in _RADIOGRAPHY:
        raise Refusal("not-a-radiograph", {"modality": modality[:16]})
    if PIXEL_DATA not in elements:
        raise _no_pixels(elements)


def _names_another_part(elements: Elements) -> bool:
    """Whether the header names another part of the body: typed or defaulted at a console, so the picture decides."""
    words = set(re.findall("[A-Z]+", elements.text(_EXAMINED).upper()))
    return bool(words & _NOT_CHEST) and not words & _CHEST


def _no_pixels(elements: Elements) -> Refusal:
    if _ENCRYPTED in elements:
        return Refusal("encrypted")
    if _ROWS in elements or not elements:
        return damaged("cut")
    return Refusal("not-a-radiograph", {"detail": "no-picture"})


def _pixel_spacing(elements: Elements) -> tuple[float, float] | None:
    for tag in (_SPACING, _IMAGER_SPACING):
        spacing = elements.numbers(tag)
        if len(spacing) == 2 and np.greater(spacing, 0).all():  # between rows, between columns
            return spacing[0], spacing[1]
    return None
