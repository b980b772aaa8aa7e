"""Calibrates the extent of opacity on films that radiologists scored.

`brixia.csv` (columns `film`, `s-global`: a senior radiologist's score of 0 to 18) and `severity.csv` (`film`,
`geographic_mean`: the mean of three raters' 0 to 8) lie beside a collection; only rows of `train` films count.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungwise.films import open_film
from lungwise.films.collection import LabelledFilm
from lungwise.reading.extent import BRIXIA_MOST, PERCENT_MOST, Curve, ExtentCalibration, mean_opacity

Pixels = NDArray[np.float32]
Ask = Callable[[Pixels], Pixels]
"""A film's pixels in, its heat map out."""

_GEOGRAPHIC_MOST = 8.0
_FILMS = 150
_SHIFT = 0.03
_Z95 = 1.959964


def read_scores(table: Path, column: str) -> dict[Path, float]:
    """Return the scores of a table beside a collection, by film; nothing where there is no such table."""
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8-sig") as rows:
        return {table.parent / row["film"]: float(row[column]) for row in csv.DictReader(rows) if row[column]}


def calibrate_extent(films: list[LabelledFilm], folder: Path, ask: Ask) -> ExtentCalibration | None:
    """Fit both scales on the scored `train` films, and measure repeatability on `val`; None without scored films.

    Parameters
    ----------
    folder
        Of the collection's table.
    """
    train = {film.path for film in films if film.split == "train"}
    brixia = {p: s for p, s in read_scores(folder / "brixia.csv", "s-global").items() if p in train}
    geographic = {p: s for p, s in read_scores(folder / "severity.csv", "geographic_mean").items() if p in train}
    if not (brixia and geographic):
        return None
    means = {path: mean_opacity(ask(open_film(path.read_bytes()).pixels)) for path in {*brixia, *geographic}}
    percent = _fitted(means, geographic, _GEOGRAPHIC_MOST)
    return ExtentCalibration(
        percent=percent,
        brixia=_fitted(means, brixia, BRIXIA_MOST),
        repeatability=_repeatability(films, ask, percent),
    )


def _fitted(means: dict[Path, float], scores: dict[Path, float], most: float) -> Curve:
    """The curve of least squares on a fine grid: there are two numbers to find, and few films to find them by."""
    x = np.array([means[path] for path in scores])
    y = np.array(list(scores.values())) / most
    scales, powers = np.geomspace(0.005, 2, 300), np.geomspace(0.2, 3, 150)
    met = 1 - np.exp(-((x / scales[:, None, None]) ** powers[:, None]))
    scale, power = np.unravel_index(((met - y) ** 2).sum(-1).argmin(), (len(scales), len(powers)))
    return Curve(scale=float(scales[scale]), power=float(powers[power]))


def _repeatability(films: list[LabelledFilm], ask: Ask, curve: Curve) -> float:
    """The repeatability coefficient (Bland & Altman, Lancet 327 (1986) 307) of films that are taken again.

    A second film of the same lungs is drawn from the first: a little farther to one side, and in another exposure.
    Lungs that breathe in less deeply are not in it, so that it is a lower bound.
    """
    val = [film for film in films if film.split == "val" and film.source == "siim"][:_FILMS]
    differences = []
    for number, film in enumerate(val):
        pixels = open_film(film.path.read_bytes()).pixels
        again = _taken_again(pixels, np.random.default_rng(number))
        differences.append(
            curve.at(mean_opacity(ask(again)), PERCENT_MOST) - curve.at(mean_opacity(ask(pixels)), PERCENT_MOST)
        )
    return float(_Z95 * np.sqrt(np.mean(np.square(differences)))) if differences else 0.0


def _taken_again(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    cut = [round(side * share) for side, share in zip(pixels.shape, rng.uniform(0, _SHIFT, 2), strict=True)]
    moved = pixels[cut[0] :, cut[1] :] if rng.random() < 0.5 else pixels[: -cut[0] or None, : -cut[1] or None]
    exposed: Pixels = (moved ** np.float32(rng.uniform(0.85, 1.18))).astype(np.float32)
    return exposed
