"""Pictures as secondary captures: the heat map over the film, and a film that came without DICOM."""

from __future__ import annotations

from textwrap import wrap

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from lungwise.films import Film
from lungwise.reading.reading import Reading
from lungwise.results.result import FILM, MANUFACTURER, RESEARCH, SERIES, FilmResult
from lungwise.results.study_header import StudyHeader
from lungwise.studies import pictures

_SIDE = 1024
_LINE = 60
"""Letters that fit beneath the picture, whose font grows with it."""


def heat_map_capture(header: StudyHeader, result: FilmResult, reading: Reading, film: Film, number: int = 1) -> Dataset:
    """Draw the heat map over a study's film, and beneath it what the model says and that it is for research."""
    overlay = pictures.with_heat(film, reading.heat_map, _SIDE)
    own = [f"Thresholds {reading.thresholds.id}"] if reading.thresholds else []
    lines = [*wrap(result.headline.text, _LINE), f"Lungwise {result.model} {result.version}", *own, RESEARCH]
    capture = _capture(
        header,
        np.asarray(_with_lines(overlay, lines)),
        "RGB",
        result.series_uid(header, "SC"),
        result.uid(header, "SC"),
        SERIES["SC"].number,
    )
    capture.InstanceNumber = number
    capture.SeriesDescription = SERIES["SC"].description
    capture.ManufacturerModelName, capture.SoftwareVersions = result.model, result.version
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.DerivationDescription = f"Heat map of {result.model} {result.version} over the film"
    capture.SourceImageSequence = [header.film_reference()]
    return capture


def film_capture(header: StudyHeader, film: Film) -> Dataset:
    """Make a DICOM object of a film that came as a picture, so that others can refer to it."""
    capture = _capture(
        header,
        np.asarray(pictures.picture(film, pictures.LARGEST)),
        "MONOCHROME2",
        header.film_series,
        header.film_uid,
        FILM.number,
    )
    capture.SeriesDescription = FILM.description
    capture.ImageType = ["DERIVED", "SECONDARY"]
    return capture


def _capture(
    header: StudyHeader, pixels: NDArray[np.uint8], photometric: str, series: str, uid: str, number: int
) -> Dataset:
    capture = SCImage(
        pixel_array=pixels,
        photometric_interpretation=photometric,
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        study_instance_uid=header.study_uid,
        series_instance_uid=series,
        series_number=number,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
    )
    capture.PatientOrientation, capture.Laterality = [], ""  # not known of a film that may be turned
    capture.ConversionType = "WSD"
    return capture


def _with_lines(picture: Image.Image, lines: list[str]) -> Image.Image:
    """Put lines of text on a band beneath the picture, so that they cover none of the film."""
    size = max(picture.width // 36, 11)
    font = ImageFont.load_default(size)
    band = Image.new("RGB", (picture.width, round(size * 1.4 * len(lines) + size * 0.6)))
    pen = ImageDraw.Draw(band)
    for number, line in enumerate(lines):
        pen.text((size // 2, round(size * (0.3 + 1.4 * number))), line, fill=(255, 255, 255), font=font)
    whole = Image.new("RGB", (picture.width, picture.height + band.height))
    whole.paste(picture, (0, 0))
    whole.paste(band, (0, picture.height))
    return whole
