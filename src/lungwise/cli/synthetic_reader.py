"""What a demonstration says of synthetic films: it knows what was drawn, and asks no network.

The shipped model takes drawings for healthy lungs, as well it may. A newcomer would see a worklist of one
colour; so a demonstration's films are read by what was drawn into them, under a name that says so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.films import Film
from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.pattern import normal_of, pattern_of, raised
from lungwise.reading.reading import Reading, verdict

_GRID = (17, 17)
_FAINTEST, _STRONGEST = 0.04, 0.3
"""Grey levels, of 1, by which an opacity is brighter than a lung without."""

_LOWER, _UPPER = 0.3, 0.65


class SyntheticFilmReader:
    """Reads synthetic films by how far they are brighter than the same drawing without opacities."""

    model, version = "demonstration", "1"

    def __init__(self) -> None:
        self._clear = _coarse(np.asarray(synthetic_film(0, 0), np.float32) / np.float32(255))

    def read(self, film: Film) -> Reading:
        """Read one film of the size that is drawn."""
        brighter = _coarse(film.pixels) - self._clear
        heat = np.clip((brighter - _FAINTEST) / _STRONGEST, 0, 1)
        probability = float(np.clip(1 - 0.97 * np.exp(-heat.sum() / 7), 0.01, 0.99))
        rest = 1 - probability
        said = verdict(probability, _LOWER, _UPPER)
        findings = dict.fromkeys(FINDING_NAMES, 0.02) | {
            "normal": rest,
            "COVID-19": probability,
            "other pneumonia": 0.1,
        }
        return Reading(
            probability=probability,
            verdict=said,
            appearance={
                "negative": rest * 0.7,
                "typical": probability,
                "indeterminate": rest * 0.2,
                "atypical": rest * 0.1,
            },
            findings=findings,
            normal=normal_of(findings, {}),
            pattern=pattern_of(findings, said, {}),
            raised=raised(findings, said, {}),
            heat_map=heat,
            quarter_turns=0,
            model=self.model,
            version=self.version,
        )


def _coarse(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    small = Image.fromarray(np.ascontiguousarray(pixels)).resize(_GRID[::-1], Image.Resampling.BOX)
    return np.asarray(small, np.float32)
