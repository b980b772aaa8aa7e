from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lungwise.evaluation.probe import source_probe
from lungwise.evaluation.results import EvaluatedFilm

pytest.importorskip("sklearn", reason="the probe needs the extra `train`")


def compared(result: Callable[..., EvaluatedFilm], apart: float) -> list[EvaluatedFilm]:
    rng = np.random.default_rng(0)
    return [
        result(
            float(np.clip(rng.uniform(0.2, 0.5) + (apart if n % 2 else 0), 0, 1)),
            source="nih" if n % 2 else "rsna-normal",
            label="normal",
            patient=str(n),
        )
        for n in range(80)
    ]


def test_sources_that_differ_are_told_and_sources_alike_are_not(result: Callable[..., EvaluatedFilm]) -> None:
    told, alike = source_probe(compared(result, 0.5)), source_probe(compared(result, 0.0))

    assert told and told["accuracy"]["value"] > 0.95
    assert alike and alike["accuracy"]["value"] < 0.7
    assert told["by_chance"] == 0.5 and told["sources"] == ["nih", "rsna-normal"]


def test_one_source_alone_cannot_be_told(result: Callable[..., EvaluatedFilm]) -> None:
    assert source_probe([result(0.2, patient=str(n)) for n in range(40)]) is None
