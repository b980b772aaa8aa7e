"""Where the heat map is hot, as outlines that a viewer draws on the film itself (PS3.3, A.33.1)."""

from __future__ import annotations

import numpy as np
from highdicom import VOILUT, PresentationLUTTransformation
from highdicom.pr import (
    AnnotationUnitsValues,
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GraphicTypeValues,
    GrayscaleSoftcopyPresentationState,
    SoftcopyVOILUTTransformation,
)
from pydicom.dataset import Dataset

from lungwise.films.dicom.softcopy import Softcopy
from lungwise.reading.regions import LEVEL
from lungwise.results.result import SERIES, FilmResult
from lungwise.results.study_header import StudyHeader, cleaned


def presentation_state(header: StudyHeader, result: FilmResult, shown: Softcopy, number: int) -> Dataset:
    """Make the outlines of a study's film, which is shown in the greys in which Lungwise shows it."""
    film = _film(header, shown)
    what = f"Heat map of {result.model} {result.version} from {LEVEL} on"
    layer = GraphicLayer("HEATMAP", 1, cleaned(what, "LO"))
    objects = [
        GraphicObject(GraphicTypeValues.POLYLINE, np.array(polygon), AnnotationUnitsValues.PIXEL)
        for polygon in result.regions
    ]
    item: Dataset = GrayscaleSoftcopyPresentationState(
        referenced_images=[film],
        **result.made_as(header, "GSPS"),
        instance_number=number,
        content_label="HEATMAP",
        content_description=cleaned(what, "LO"),
        graphic_layers=[layer],
        graphic_annotations=[GraphicAnnotation([film], layer, graphic_objects=objects)],
        voi_lut_transformations=[_greys(shown)],
        presentation_lut_transformation=PresentationLUTTransformation("INVERSE" if shown.inverse else "IDENTITY"),
    )
    item.SeriesDescription, item.Laterality = SERIES["GSPS"].description, ""
    return item


def _film(header: StudyHeader, shown: Softcopy) -> Dataset:
    """Return the film as highdicom wants to be shown it."""
    film = header.as_evidence()
    film.Rows, film.Columns = shown.rows, shown.columns
    film.ImageType, film.Modality, film.SamplesPerPixel = ["DERIVED", "SECONDARY"], "OT", 1
    film.PhotometricInterpretation, film.BitsAllocated, film.BitsStored = "MONOCHROME2", 16, 16
    return film


def _greys(shown: Softcopy) -> SoftcopyVOILUTTransformation:
    """Write what is black and white as PS3.3, C.11.2.1.2.1 counts it, or as a table."""
    if shown.table is not None:
        return SoftcopyVOILUTTransformation(voi_luts=[VOILUT(shown.first, shown.table)])
    width = shown.high - shown.low + 1
    return SoftcopyVOILUTTransformation(
        window_center=_decimal((shown.low + shown.high + 1) / 2), window_width=_decimal(width)
    )


def _decimal(number: float) -> float:
    """Round to what a decimal string of 16 characters holds."""
    return float(f"{number:.8g}")
