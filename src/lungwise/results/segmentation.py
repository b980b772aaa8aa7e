"""Where the heat map is hot, as a mask on the film's own pixels (PS3.3, A.51).

A film has no place in space: a pixel of the mask is the same pixel of the film. Viewers made for sections, OHIF and dwv
among them, show a mask only if it has a plane all the same. It gets the one that they take for a film: the first pixel
at the origin, rows and columns along the first two axes, and the film's pixel spacing, or 1 where the film has none.
The plane lies in a frame of reference that nothing else lies in, so that nobody takes it for a place in the patient.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Final

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from lungwise.films import Film
from lungwise.reading.regions import LEVEL
from lungwise.results.result import SERIES, FilmResult, Polygon
from lungwise.results.study_header import StudyHeader, cleaned

_ABNORMAL: Final = CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure")
_OPACITY: Final = CodedConcept("112001", "DCM", "Opacity")
_RED: Final = CIELabColor(53, 80, 67)


def segmentation(header: StudyHeader, result: FilmResult, film: Film, sides: tuple[int, int], number: int) -> Dataset:
    """Make one segment of all regions of a film, which has `sides` rows and columns where others look at it."""
    what = f"Heat map of {result.model} {result.version} from {LEVEL} on"
    item: Dataset = Segmentation(
        source_images=[_placed(header, film, sides, result.uid(header, "SEG", "frame of reference"))],
        pixel_array=_mask(result.regions, sides),
        segmentation_type="BINARY",
        segment_descriptions=[_segment(result)],
        **result.made_as(header, "SEG"),
        instance_number=number,
        content_label="HEATMAP",
        content_description=cleaned(what, "LO"),
    )
    item.SeriesDescription, item.PositionReferenceIndicator = SERIES["SEG"].description, ""
    _number_dimensions(item, result.uid(header, "SEG", "dimensions"))
    _name_segment_in_frame(item)
    return item


def _placed(header: StudyHeader, film: Film, sides: tuple[int, int], frame_of_reference: str) -> Dataset:
    """Return the film as highdicom wants to be shown it, in the plane that viewers take for it."""
    shown = header.as_evidence()
    shown.Rows, shown.Columns = sides
    shown.Modality, shown.SliceThickness, shown.SpacingBetweenSlices = "OT", 1, 1
    shown.ImagePositionPatient, shown.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    shown.PixelSpacing = list(film.pixel_spacing or (1, 1))
    shown.FrameOfReferenceUID = frame_of_reference
    return shown


def _number_dimensions(item: Dataset, uid: str) -> None:
    """Give the dimensions a UID that is the same each time, as highdicom's own is not."""
    for dimension in (*item.DimensionOrganizationSequence, *item.DimensionIndexSequence):
        dimension.DimensionOrganizationUID = uid


def _name_segment_in_frame(item: Dataset) -> None:
    """Say in the frame itself of which segment it is: dwv looks for it nowhere else."""
    (shared,), (frame,) = item.SharedFunctionalGroupsSequence, item.PerFrameFunctionalGroupsSequence
    frame.SegmentIdentificationSequence = shared.SegmentIdentificationSequence
    del shared.SegmentIdentificationSequence


def _mask(regions: tuple[Polygon, ...], sides: tuple[int, int]) -> NDArray[np.uint8]:
    """Fill the regions with each pixel whose centre is inside: left of it are an odd number of their edges."""
    crossed = np.zeros((sides[0], sides[1] + 1), bool)
    for (x, y), (after_x, after_y) in chain.from_iterable(map(pairwise, regions)):
        if y != after_y:
            rows = np.arange(*sorted(_first_centres(np.array([y, after_y]), sides[0]).tolist()))
            columns = _first_centres(x + (rows + 0.5 - y) / (after_y - y) * (after_x - x), sides[1])
            crossed[rows, columns] ^= True
    return np.logical_xor.accumulate(crossed, axis=1)[:, :-1].astype(np.uint8)


def _first_centres(places: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return, of each place, the first of `count` pixels whose centre is not before it; `count` if there is none."""
    return np.clip(np.ceil(places - 0.5), 0, count).astype(np.int64)


def _segment(result: FilmResult) -> SegmentDescription:
    return SegmentDescription(
        segment_number=1,
        segment_label=f"Heat map from {LEVEL} on",
        segmented_property_category=_ABNORMAL,
        segmented_property_type=_OPACITY,
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(
            result.model, codes.DCM.ArtificialIntelligence, result.version
        ),
        display_color=_RED,
    )
