"""How large a DICOM film is in millimetres, and which of the patient's sides lies at which edge."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lungwise.films.dicom.elements import Elements, read_elements
from lungwise.films.dicom.image_pixel import COLUMNS, ROWS
from lungwise.films.refusals import Refusal

_SPACING, _IMAGER_SPACING, _CALIBRATION, _MAGNIFICATION = 0x00280030, 0x00181164, 0x00280A02, 0x00181114
_ORIENTATION = 0x00200020
_CALIBRATED = {"GEOMETRY", "FIDUCIAL"}
_LARGEST_PIXEL = 100
"""Millimetres; no film has larger ones."""

_OPPOSITE = {"L": "R", "R": "L"}
EDGES = ("top", "right", "bottom", "left")
"""A film's edges, clockwise."""


class Scale(StrEnum):
    """Where lengths on a film hold (DICOM PS3.3, 10.7.1.3)."""

    BODY = "body"
    """In the patient: the file says that they are corrected for magnification."""
    DETECTOR = "detector"
    """At the detector, where the shadow of the body is a little larger than the body."""
    STATED = "stated"
    """The file states a size and not where it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """A film's size, and its sides.

    Parameters
    ----------
    width, height
        Millimetres, where the file says.
    scale
        Where these hold.
    sides
        'L' or 'R', the patient's, by the edge of the film that it lies at.
    """

    width: float | None = None
    height: float | None = None
    scale: Scale | None = None
    sides: dict[str, str]

    def turned(self, quarter_turns: int) -> Geometry:
        """Return the geometry of the film after so many quarter turns to the right."""
        across = quarter_turns % 2 == 1
        edges = {edge: EDGES[(EDGES.index(edge) + quarter_turns) % 4] for edge in self.sides}
        return Geometry(
            width=self.height if across else self.width,
            height=self.width if across else self.height,
            scale=self.scale,
            sides={edges[edge]: letter for edge, letter in self.sides.items()},
        )


def read_geometry(data: bytes) -> Geometry:
    """Read a DICOM file's geometry; of a file that cannot be read, that nothing is known."""
    try:
        return _geometry(read_elements(data)[1])
    except Refusal:
        return Geometry(sides={})


def _geometry(elements: Elements) -> Geometry:
    found, sides = _spacing(elements), _sides(elements)
    rows, columns = elements.word(ROWS, 0), elements.word(COLUMNS, 0)
    if found is None or not rows or not columns:
        return Geometry(sides=sides)
    (down, across), scale = found
    return Geometry(width=across * columns, height=down * rows, scale=scale, sides=sides)


def _spacing(elements: Elements) -> tuple[tuple[float, float], Scale] | None:
    """Read the distance between rows and between columns, and where it holds."""
    stated, detector = _pair(elements, _SPACING), _pair(elements, _IMAGER_SPACING)
    magnification = elements.number(_MAGNIFICATION) or 0
    if stated and elements.text(_CALIBRATION).upper() in _CALIBRATED:
        return stated, Scale.BODY
    if detector and magnification >= 1:
        return (detector[0] / magnification, detector[1] / magnification), Scale.BODY
    if stated and stated != detector:
        return stated, Scale.STATED
    return (detector, Scale.DETECTOR) if detector else None


def _pair(elements: Elements, tag: int) -> tuple[float, float] | None:
    spacing = elements.numbers(tag)
    plausible = len(spacing) == 2 and all(0 < one <= _LARGEST_PIXEL for one in spacing)
    return (spacing[0], spacing[1]) if plausible else None


def _sides(elements: Elements) -> dict[str, str]:
    """Read the Patient Orientation: where rows lead to and where columns lead to."""
    leads = elements.texts(_ORIENTATION)
    if len(leads) != 2:
        return {}
    towards = {"right": leads[0][:1].upper(), "bottom": leads[1][:1].upper()}
    ends = {edge: letter for edge, letter in towards.items() if letter in _OPPOSITE}
    starts = {EDGES[EDGES.index(edge) - 2]: _OPPOSITE[letter] for edge, letter in ends.items()}
    return ends | starts
