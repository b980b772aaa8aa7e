"""Leave one source out: a light head on the shipped trunk's frozen features, fitted without the source it is tested on.

The trunk itself has seen films of every source but the external ones, so this measures what the
head learns of a source, not what the trunk does; the external sources measure both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lungwise.evaluation.metrics import SEED, Contrast, auc
from lungwise.evaluation.protocol import LEFT_OUT, fits_head, reported_as
from lungwise.evaluation.results import Track
from lungwise.evaluation.schema import LeftOut
from lungwise.films import open_film
from lungwise.films.collection import LabelledFilm
from lungwise.films.preprocess import SIZE, preprocess

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Features = NDArray[np.float32]
_FILMS_PER_SOURCE = 600
"""Films of one source that fit or test a head, chosen at random: the interval shows what that costs."""

_FOLDS = 5


def pooled_features(onnx: Path) -> Callable[[LabelledFilm], Features]:
    """What the appearance head is given: (n,) for one film.

    Raises
    ------
    ValueError
        If the graph has no such place.
    """
    import openvino

    core = openvino.Core()
    graph = core.read_model(str(onnx))
    heads = [op for op in graph.get_ordered_ops() if op.get_friendly_name().startswith("/appearance/")]
    products = [op for op in heads if op.get_type_name() == "MatMul"]
    if not products:
        raise ValueError(f"{onnx} has no appearance head to take features before.")
    graph.add_outputs([products[0].input_value(0)])
    request = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    last = len(graph.outputs) - 1

    def features(film: LabelledFilm) -> Features:
        square = preprocess(open_film(film.path.read_bytes()).pixels, SIZE)
        given: Features = request.infer({0: square[None, None]})[last][0].copy()
        return given

    return features


def leave_one_out(
    films: Sequence[LabelledFilm], features: Callable[[LabelledFilm], Features], track: Track
) -> list[LeftOut]:
    """Test a head on each source with both classes, fitted on the others and within the source itself."""
    by_source = {
        name: _sampled([f for f in films if reported_as(f.source) == name and f.covid is not None]) for name in LEFT_OUT
    }
    by_source = {name: rows for name, rows in by_source.items() if len({row.covid for row in rows}) == 2}
    all_films = [film for rows in by_source.values() for film in rows]
    by_path = {film.path: features(film) for film in track(all_films, "features", len(all_films))}
    found = []
    for name, rows in by_source.items():
        learnt = [film for other, its in by_source.items() if other != name for film in its if fits_head(film)]
        if learnt:
            found.append(_left_out(name, rows, learnt, by_path))
    return found


def _sampled(films: list[LabelledFilm]) -> list[LabelledFilm]:
    order = np.random.default_rng(SEED).permutation(len(films))[:_FILMS_PER_SOURCE]
    return [films[n] for n in sorted(order.tolist())]


def _left_out(
    name: str, rows: list[LabelledFilm], learnt: list[LabelledFilm], by_path: dict[Path, Features]
) -> LeftOut:
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    inputs, truth = _table(rows, by_path)
    patient = np.array([film.patient for film in rows], np.str_)
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=SEED)
    within = cross_val_predict(_head(), inputs, truth, groups=patient, cv=folds, method="decision_function")
    across = _head().fit(*_table(learnt, by_path)).decision_function(inputs)
    source = np.full(len(rows), name)
    return {
        "source": name,
        "task": "COVID-19, or its typical appearance, against the rest",
        "films": len(rows),
        "auc": auc(Contrast(source=source, patient=patient, positive=truth, score=across)),
        "within_auc": auc(Contrast(source=source, patient=patient, positive=truth, score=within)),
    }


def _table(films: list[LabelledFilm], by_path: dict[Path, Features]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    inputs = np.stack([by_path[film.path] for film in films]).astype(np.float64)
    return inputs, np.array([film.covid is True for film in films])


def _head() -> Pipeline:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=2000, class_weight="balanced"))
