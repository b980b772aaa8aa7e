"""A reader of synthetic films, light to import: processes that tests start have it too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lungwise.films import Film, Refusal
from lungwise.films.film import ADULT
from lungwise.films.refusals import CHILD
from lungwise.reading.artefact import shipped_card
from lungwise.reading.extent import Extent
from lungwise.reading.pattern import normal_of, pattern_of, raised
from lungwise.reading.reader import FRONTAL
from lungwise.reading.reading import Reading, Verdict


class SyntheticReader:
    """Reads synthetic films by how bright the lower lungs are; stands in where no trained artefact is present."""

    model, version = "synthetic", "1"

    def read(self, film: Film) -> Reading:
        """Read one film; a film of one grey is refused."""
        if float(film.pixels.std()) < 0.02:
            raise Refusal("not a film", {"sentence": "This is not a chest film. Upload a frontal chest X-ray."})
        rows, columns = film.pixels.shape
        lower = film.pixels[rows * 5 // 10 : rows * 8 // 10, columns // 6 : columns * 5 // 6]
        probability = float(np.clip((np.median(lower) - 0.30) * 4, 0.01, 0.99))
        verdict = (
            Verdict.POSITIVE if probability > 0.6 else Verdict.NEGATIVE if probability < 0.3 else Verdict.UNCERTAIN
        )
        heat = np.zeros((17, 17), np.float32)
        heat[10:14, 3:6] = probability
        rest = 1 - probability
        findings = {"normal": rest, "COVID-19": probability, "other pneumonia": 0.1, "tuberculosis": 0.02}
        return Reading(
            probability=probability,
            verdict=verdict,
            appearance={
                "negative": rest * 0.8,
                "typical": probability,
                "indeterminate": rest * 0.15,
                "atypical": rest * 0.05,
            },
            findings=findings,
            normal=normal_of(findings, {}),
            pattern=pattern_of(findings, verdict, {}),
            raised=raised(findings, verdict, {}),
            heat_map=heat,
            quarter_turns=0,
            model="synthetic",
            version="1",
            warnings=(CHILD,) if film.age is not None and film.age < ADULT else (),
            extent=Extent(percent=80 * probability, brixia=18 * probability, repeatability=10.0),
            view=film.view if film.view in FRONTAL else None,
        )


class NamedAsShipped(SyntheticReader):
    """The same, in the name of the shipped model: a clinic's own thresholds are for its films alone."""

    model, version = shipped_card().name, shipped_card().version

    def read(self, film: Film) -> Reading:
        """Read one film."""
        return replace(super().read(film), model=self.model, version=self.version)
