from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungwise.evaluation.leave_one_out import leave_one_out, pooled_features
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.reading import load_artefact

pytest.importorskip("sklearn", reason="the head needs the extra `train`")


def films_of(film: Callable[..., LabelledFilm], source: str, split: str) -> list[LabelledFilm]:
    name = f"{source}-{split}"
    return [
        film(path=Path(f"{name}-{n}"), patient=f"{name}-{n}", source=source, split=split, covid=n % 2 == 0)
        for n in range(30)
    ]


def test_what_holds_in_every_source_carries_over_and_what_one_source_alone_shows_does_not(
    film: Callable[..., LabelledFilm], untracked: Callable[..., Any]
) -> None:
    films = [*films_of(film, "siim", "train"), *films_of(film, "cohen-radiopaedia.org", "external")]

    def features(one: LabelledFilm) -> np.ndarray:
        rng = np.random.default_rng(zlib.crc32(one.path.name.encode()))
        mark = float(one.covid is True) if one.source == "siim" else 0.0
        return np.array([float(one.covid is True) + rng.normal(0, 0.1), mark, rng.normal()], np.float32)

    external = leave_one_out(films, features, untracked)

    assert [found["source"] for found in external] == ["cohen-radiopaedia.org"]  # nothing may be learnt from it
    assert external[0]["auc"]["value"] > 0.9
    misled = leave_one_out(films, lambda one: features(one)[1:], untracked)
    assert misled[0]["auc"]["value"] < 0.8


@pytest.mark.films
def test_the_shipped_graph_gives_up_what_its_appearance_head_is_given(films_folder: Path) -> None:
    film = read_collection(films_folder / "films.csv")[0]

    features = pooled_features(load_artefact().onnx)(film)

    assert features.ndim == 1 and len(features) > 1000 and np.isfinite(features).all()
