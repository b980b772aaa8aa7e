"""Negative controls: the same questions of films whose deciding part has been removed.

A model that still parts the films without their lungs reads the source, not the disease
(Maguolo & Nanni, Inf. Fusion 76 (2021) 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from lungwise.evaluation.metrics import auc
from lungwise.evaluation.protocol import BORDER_ALONE, QUESTIONS, WITHOUT_LUNGS, Question, reported_as
from lungwise.evaluation.results import EvaluatedFilm, FilmReader, Track, contrast, has_both_sides
from lungwise.evaluation.schema import Control
from lungwise.films import Film, open_film

Mask = NDArray[np.bool_]

FRAME = 0.1
"""Width of the kept border as a share of the side: wider, and it holds lung on most films."""

_SIDE = 128
_RARELY = 0.1
_DILATION = 5
"""Template: where more than one film in ten has lung, dilated by 4 % of the side. On the collection's
250 masks it covers 99.9 % of the lungs of the median film, 96 % of those of all but one in twenty."""


def lung_template(masks: Path) -> Mask:
    """Return where lungs lie on nearly all films, from a folder of 1-bit masks: (128, 128).

    Raises
    ------
    ValueError
        If the folder holds no masks.
    """
    paths = sorted(masks.glob("*.png"))
    if not paths:
        raise ValueError(f"{masks} holds no lung masks (PNG files).")
    common = np.mean([_mask(path) for path in paths], axis=0) > _RARELY
    return np.asarray(Image.fromarray(common).convert("L").filter(ImageFilter.MaxFilter(_DILATION))) > 0


def border_template() -> Mask:
    """Everything but a frame of `FRAME` of the side: (128, 128)."""
    inside = np.zeros((_SIDE, _SIDE), np.bool_)
    width = round(FRAME * _SIDE)
    inside[width:-width, width:-width] = True
    return inside


def hide(film: Film, template: Mask) -> Film:
    """The film with the template's area black, whatever the film shows there."""
    height, width = film.pixels.shape
    hidden = np.asarray(Image.fromarray(template).resize((width, height), Image.Resampling.NEAREST))
    return replace(film, pixels=np.where(hidden, np.float32(0), film.pixels))


def controls(reader: FilmReader, results: Sequence[EvaluatedFilm], masks: Path, track: Track) -> list[Control]:
    """Every question of one source on its films without lungs and on their border alone.

    Without a folder of masks the border alone; where no question has both sides, nothing.
    """
    questions = [q for q in QUESTIONS if q.source == _source(results) and has_both_sides(results, q)]
    if not questions:
        return []
    templates = {BORDER_ALONE: border_template()}
    if masks.is_dir():
        templates = {WITHOUT_LUNGS: lung_template(masks), **templates}
    return [control for named in templates.items() for control in _controls(reader, results, questions, named, track)]


def _source(results: Sequence[EvaluatedFilm]) -> str:
    return reported_as(results[0].film.source)


def _controls(
    reader: FilmReader,
    results: Sequence[EvaluatedFilm],
    questions: list[Question],
    named: tuple[str, Mask],
    track: Track,
) -> list[Control]:
    """The questions under one template; each film is read once for all of them."""
    name, template = named
    labels = {label for question in questions for label in question.positive + question.negative}
    films = [result.film for result in results if result.reading and result.film.label in labels]
    seen = []
    for film in track(films, f"{_source(results)}, {name}", len(films)):
        hidden = hide(open_film(film.path.read_bytes()), template)
        seen.append(EvaluatedFilm(film=film, outcome=reader.predict_ungated(hidden)))
    return [
        {
            "control": name,
            "task": question.name,
            "score": question.score,
            "hidden": float(template.mean()),
            "auc": auc(contrast(results, question)),
            "control_auc": auc(contrast(seen, question)),
        }
        for question in questions
    ]


def _mask(path: Path) -> NDArray[np.float32]:
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float32)
    return grey / np.float32(255)
