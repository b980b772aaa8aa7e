"""How much of the lungs is opaque: what the heat map adds up to, on two scales that radiologists use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

BRIXIA_MOST = 18.0
"""Highest score of Borghesi & Maroldi, La Radiologia Medica 125 (2020) 509: six zones of 0 to 3."""

PERCENT_MOST = 100.0
HEAT_CONTRAST = 1.5
"""Power of the heat map over the probability of opacity: faint heat all over a film hides what stands out.
On `val` the share of the heat inside radiologists' boxes rises with it from 0.46 to 0.54 (docs/experiments/0003)."""


class Direction(StrEnum):
    """Where the extent went from one film to the next."""

    MORE = "more"
    LESS = "less"
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The extent of opacity.

    Parameters
    ----------
    percent
        Of the lung fields, 0 to 100.
    brixia
        The global Brixia score that radiologists would give, 0 to 18.
    repeatability
        Two films of the same lungs differ by less than this many points of `percent` in 95 of 100 pairs.
    """

    percent: float
    brixia: float
    repeatability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed from an earlier film of the same patient to a later one.

    Parameters
    ----------
    points
        Percentage points of the lung fields; above zero where there is more opacity than there was.
    repeatability
        How far two films of the same lungs differ.
    """

    points: float
    repeatability: float

    @property
    def direction(self) -> Direction:
        """More or less only beyond what films of the same lungs differ by."""
        if abs(self.points) <= self.repeatability:
            return Direction.SAME
        return Direction.MORE if self.points > 0 else Direction.LESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """From the mean probability of opacity to a scale: its most times 1 - exp(-(mean / scale) ** power)."""

    scale: float
    power: float

    def at(self, mean: float, most: float) -> float:
        """Return the value for a mean in [0, 1]."""
        return most * (1 - exp(-((mean / self.scale) ** self.power)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtentCalibration:
    """How a model's heat maps become extents; from its card.

    Parameters
    ----------
    repeatability
        In points of `percent`: see `Extent`. The larger of the next two.
    pairs, of_pairs
        How many patients have two films on which nothing should have changed, and what those differ by.
    taken_again
        What a film differs by that is drawn as if it were taken again.
    between_readers
        By how many points of the Brixia score two radiologists differ in 95 of 100 films; None where one scored them.
    """

    percent: Curve
    brixia: Curve
    repeatability: float
    pairs: int = 0
    of_pairs: float = 0.0
    taken_again: float = 0.0
    between_readers: float | None = None


def calibration_from(fields: Mapping[str, Any]) -> ExtentCalibration:
    """Read a calibration as a card keeps it.

    Raises
    ------
    KeyError, TypeError
        If it cannot be understood.
    """
    curves = {name: Curve(**fields[name]) for name in ("percent", "brixia")}
    return ExtentCalibration(**{**fields, **curves})


def mean_opacity(heat_map: NDArray[np.float32]) -> float:
    """Return the mean probability of opacity over a film, in [0, 1]."""
    return float(np.mean(np.clip(heat_map.astype(np.float64), 0, 1) ** (1 / HEAT_CONTRAST)))


def extent_of(heat_map: NDArray[np.float32], calibration: ExtentCalibration) -> Extent:
    """Return the extent that a heat map adds up to."""
    mean = mean_opacity(heat_map)
    return Extent(
        percent=calibration.percent.at(mean, PERCENT_MOST),
        brixia=calibration.brixia.at(mean, BRIXIA_MOST),
        repeatability=calibration.repeatability,
    )


def difference(earlier: Extent, later: Extent) -> Difference:
    """Return what changed between two films that one version of one model read."""
    return Difference(
        points=later.percent - earlier.percent, repeatability=max(earlier.repeatability, later.repeatability)
    )
