"""DICOM films: computed and digital radiography, and secondary captures of them."""

from __future__ import annotations

import re

from lungwise.films.dicom.elements import PIXEL_DATA, Elements, read_elements
from lungwise.films.dicom.grey_levels import grey_film, luminance
from lungwise.films.dicom.header import DicomHeader, header_of
from lungwise.films.dicom.image_pixel import ROWS, read_image_pixel
from lungwise.films.dicom.pixel_data import check_syntax, stored_words
from lungwise.films.film import Film
from lungwise.films.formats import DICOM
from lungwise.films.limits import damaged
from lungwise.films.refusals import BODY_PART, Refusal

_RADIOGRAPHY = {"CR", "DX", "DR", "RG"}
_PERHAPS_RADIOGRAPHY = {"", "OT", "SC"}
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


def open_radiograph(data: bytes) -> Film:
    """Decode a DICOM film.

    Raises
    ------
    Refusal
        If it is not a radiograph, or cannot be read.
    """
    syntax, elements = read_elements(data)
    header = header_of(elements)
    _check_radiograph(header, elements)
    check_syntax(syntax)
    pixel = read_image_pixel(elements)
    words = stored_words(elements, syntax, pixel)
    return Film(
        pixels=grey_film(words, elements, pixel) if pixel.samples == 1 else luminance(words, pixel),
        photometric=pixel.photometric,
        kind=DICOM,
        view=header.view or None,
        laterality=header.laterality or None,
        age=header.years,
        sex=header.sex or None,
        pixel_spacing=header.pixel_spacing,
        warnings=(*header.warnings, *([BODY_PART] if names_another_part(header.body_part) else [])),
    )


def is_chest(modality: str, body_part: str) -> bool:
    """Return whether a series, or a film, may be a chest X-ray; a secondary capture may show anything, and is not."""
    return modality.strip().upper() in _RADIOGRAPHY and not names_another_part(body_part)


def names_another_part(body_part: str) -> bool:
    """Return whether Body Part Examined names another part than the chest.

    Many machines leave it empty or write it in their own language, so that an unknown word says nothing.
    """
    words = set(re.findall("[A-Z]+", body_part.upper()))
    return bool(words & _NOT_CHEST) and not words & _CHEST


def _check_radiograph(header: DicomHeader, elements: Elements) -> None:
    modality = header.modality.upper()
    if modality not in _RADIOGRAPHY | _PERHAPS_RADIOGRAPHY:
        raise Refusal("not-a-radiograph", {"modality": modality[:16]})
    if PIXEL_DATA in elements:
        return
    if header.encrypted:
        raise Refusal("encrypted")
    if ROWS in elements or not elements:
        raise damaged("cut")
    raise Refusal("not-a-radiograph", {"detail": "no-picture"})
