"""DICOM films that say when they were taken and from which side, with more or less opacity."""

from __future__ import annotations

from typing import Any

from pydicom.uid import generate_uid

from dicom_files import dicom_bytes, film_dataset
from synthetic_films import chest_bytes

DARK, BRIGHT = 60, 130
"""Grey levels of the lower lungs; a synthetic reader says 1 % of the lung fields of one, and most of the other."""


def dated_film(day: str, level: int = DARK, view: str = "PA", **header: Any) -> bytes:
    """Draw a film that was taken on a day such as 20260301, the grey level of its lower lungs as given."""
    pixels = chest_bytes()
    pixels[80:128, 21:107] = level
    pixels[0, 0] = sum(map(int, day)) % 7 + 7 * (view == "AP")  # films of the same opacity are other films
    said = {"PatientID": "P-1", "StudyDate": day, "ViewPosition": view, **header}
    unique = generate_uid(entropy_srcs=[day, str(level), view, repr(sorted(said.items()))])
    return dicom_bytes(film_dataset(pixels, SOPInstanceUID=unique, **said))
