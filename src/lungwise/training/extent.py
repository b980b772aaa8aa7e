"""Calibrates the extent of opacity on films that radiologists scored.

`brixia.csv` (columns `film`, `s-global`: a senior radiologist's score of 0 to 18) and `severity.csv` (`film`,
`geographic_mean`: the mean of three raters' 0 to 8) lie beside a collection; only rows of `train` films count. Why
repeatability is measured as it is: docs/experiments/0007.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungwise.films import open_film
from lungwise.films.collection import LabelledFilm, read_scores
from lungwise.reading.extent import BRIXIA_MOST, PERCENT_MOST, Curve, ExtentCalibration, mean_opacity
from lungwise.training.fit import Progress

Pixels = NDArray[np.float32]
Ask = Callable[[Pixels], Pixels]
"""A film's pixels in, its heat map out."""

_GEOGRAPHIC_MOST = 8.0
_FILMS = 150
_SHIFT = 0.03
_Z95 = 1.959964
_CLEAR = ("normal", "negative for pneumonia")


def calibrate_extent(
    films: list[LabelledFilm], folder: Path, ask: Ask, progress: Progress = lambda *_: None
) -> ExtentCalibration | None:
    """Fit both scales on the scored `train` films, and measure repeatability on `val`; None without either.

    Parameters
    ----------
    folder
        Of the collection's table.
    """
    brixia = _of_train(films, read_scores(folder / "brixia.csv", "s-global"))
    geographic = _of_train(films, read_scores(folder / "severity.csv", "geographic_mean"))
    val = [film.path for film in films if film.split == "val" and film.source == "siim"][:_FILMS]
    if not (brixia and geographic and val):
        return None
    opacity = _Opacity(ask, progress, len({*brixia, *geographic}) + 2 * len(val))
    percent = _fitted(opacity, geographic, _GEOGRAPHIC_MOST)
    again = [_difference(percent, *opacity.taken_again(path, seed)) for seed, path in enumerate(val)]
    pairs = [_difference(percent, opacity.of(a), opacity.of(b)) for a, b in unchanged_pairs(films)]
    return ExtentCalibration(
        percent=percent,
        brixia=_fitted(opacity, brixia, BRIXIA_MOST),
        repeatability=max(_limit(again), _limit(pairs)),
        pairs=len(pairs),
        of_pairs=_limit(pairs),
        taken_again=_limit(again),
        between_readers=_between_readers(folder, brixia),
    )


def _of_train(films: list[LabelledFilm], scores: dict[Path, float]) -> dict[Path, float]:
    train = {film.path for film in films if film.split == "train"}
    return {path: score for path, score in scores.items() if path in train}


def _between_readers(folder: Path, senior: dict[Path, float]) -> float | None:
    junior = read_scores(folder / "brixia.csv", "j-global")
    differences = [junior[path] - score for path, score in senior.items() if path in junior]
    return _limit(differences) if differences else None


def unchanged_pairs(films: list[LabelledFilm]) -> Iterator[tuple[Path, Path]]:
    """Two `val` films of each adult on which radiologists saw no pneumonia twice, of one view where it is known.

    Nothing should have changed between them but how deeply the patient breathed in, how they stood, and the machine.
    """
    first: dict[tuple[str, str, str], Path | None] = {}
    for film in films:
        if film.split == "val" and film.adult and film.label in _CLEAR:
            whose = (film.source, film.patient, film.projection)
            earlier = first.get(whose, film.path)
            first.setdefault(whose, film.path)
            if earlier is not None and earlier != film.path:
                first[whose] = None
                yield earlier, film.path


class _Opacity:
    """The mean probability of opacity of films, each asked for once."""

    def __init__(self, ask: Ask, progress: Progress, of: int) -> None:
        self._ask = ask
        self._progress = progress
        self._of = of
        self._known: dict[Path, float] = {}
        self._done = 0

    def of(self, path: Path) -> float:
        if path not in self._known:
            self._known[path] = self._mean(open_film(path.read_bytes()).pixels)
        return self._known[path]

    def taken_again(self, path: Path, seed: int) -> tuple[float, float]:
        """Of a film, and of one as it might be taken again."""
        return self.of(path), self._mean(_taken_again(open_film(path.read_bytes()).pixels, np.random.default_rng(seed)))

    def _mean(self, pixels: Pixels) -> float:
        self._done += 1
        self._progress("measuring the extent", min(self._done, self._of), self._of)
        return mean_opacity(self._ask(pixels))


def _fitted(opacity: _Opacity, scores: dict[Path, float], most: float) -> Curve:
    """The curve of least squares on a fine grid: there are two numbers to find, and few films to find them by."""
    x = np.array([opacity.of(path) for path in scores])
    y = np.array(list(scores.values())) / most
    scales, powers = np.geomspace(0.005, 2, 300), np.geomspace(0.2, 3, 150)
    met = 1 - np.exp(-((x / scales[:, None, None]) ** powers[:, None]))
    scale, power = np.unravel_index(((met - y) ** 2).sum(-1).argmin(), (len(scales), len(powers)))
    return Curve(scale=float(scales[scale]), power=float(powers[power]))


def _difference(curve: Curve, earlier: float, later: float) -> float:
    return curve.at(later, PERCENT_MOST) - curve.at(earlier, PERCENT_MOST)


def _limit(differences: list[float]) -> float:
    """The repeatability coefficient (Bland & Altman, Lancet 327 (1986) 307); 0 of nothing."""
    return float(_Z95 * np.sqrt(np.mean(np.square(differences)))) if differences else 0.0


def _taken_again(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A second film of the same lungs: a little to one side, in another exposure, every other one mirrored."""
    cut = [round(side * share) for side, share in zip(pixels.shape, rng.uniform(0, _SHIFT, 2), strict=True)]
    moved = pixels[cut[0] :, cut[1] :] if rng.random() < 0.5 else pixels[: -cut[0] or None, : -cut[1] or None]
    exposed: Pixels = (moved ** np.float32(rng.uniform(0.85, 1.18))).astype(np.float32)
    return exposed[:, ::-1].copy() if rng.random() < 0.5 else exposed
