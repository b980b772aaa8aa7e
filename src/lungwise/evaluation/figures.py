"""Figures of an evaluation: ROC, reliability, probabilities and example films, as PNG and SVG.

matplotlib is imported when a figure is drawn, so that numbers need none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lungwise.evaluation.metrics import Contrast, Flags, Floats, roc
from lungwise.evaluation.protocol import CONTROLLED, PROBABILITY, QUESTIONS, reported_as
from lungwise.evaluation.results import EvaluatedFilm, contrast, grouped, has_both_sides, labelled_readings
from lungwise.evaluation.sources import calibrated
from lungwise.films import open_film
from lungwise.reading import Reading, Verdict, overlay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#6B6B6B"
"""Blue and vermilion of Okabe & Ito's palette: told apart by the colour-blind too."""

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "figure.constrained_layout.use": True,
    "legend.frameon": False,
    "svg.hashsalt": "lungwise",
}
_WIDTH, _HEIGHT = 3.4, 3.2
_ACROSS = 3
_EXAMPLES = 4
"""Films of each kind on the sheet of examples, chosen at random."""

_KINDS = (
    ("true positive", True, Verdict.POSITIVE),
    ("true negative", False, Verdict.NEGATIVE),
    ("false positive", False, Verdict.POSITIVE),
    ("false negative", True, Verdict.NEGATIVE),
)
"""What the sheet of examples shows: name, label, verdict."""


def draw_figures(results: Sequence[EvaluatedFilm], folder: Path) -> list[Path]:
    """Write every figure the results can give.

    Returns
    -------
    The files written, PNG and SVG.

    Raises
    ------
    ValueError
        If matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError("Figures need matplotlib: run bin/setup train in Lungwise's folder.") from error
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(_STYLE):
        figures = {
            "roc": _roc_sheet(Figure, results),
            "reliability": _reliability_sheet(Figure, results),
            "probabilities": _probability_sheet(Figure, results),
            "examples": _example_sheet(Figure, results),
        }
        return [path for name, figure in figures.items() if figure for path in _save(figure, folder / name)]


def _save(figure: Figure, path: Path) -> list[Path]:
    png, svg = path.with_suffix(".png"), path.with_suffix(".svg")
    figure.savefig(png, dpi=150)
    figure.savefig(svg, metadata={"Date": None})
    return [png, svg]


def _roc_sheet(make: type[Figure], results: Sequence[EvaluatedFilm]) -> Figure | None:
    """A panel per split and question that the probability answers."""
    curves = [
        (f"{question.source}, {split}\n{question.name}", contrast(rows, question))
        for question in QUESTIONS
        if question.score == PROBABILITY
        for split, rows in grouped(
            (r for r in results if r.film.source == question.source), lambda film: film.split
        ).items()
        if has_both_sides(rows, question)
    ]
    figure, panels = _panels(make, len(curves))
    for axes, (title, sides) in zip(panels, curves, strict=True):
        _roc_panel(axes, sides)
        axes.set_title(title)
    return figure


def _roc_panel(axes: Axes, sides: Contrast) -> None:
    grid = np.linspace(0, 1, 201)
    curve, lower, upper = roc(sides, grid)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    axes.fill_between(grid, lower, upper, color=BLUE, alpha=0.2, linewidth=0, label="95 % of resampled patients")
    films = f"{int(sides.positive.sum())} against {int((~sides.positive).sum())} films"
    axes.plot(grid, curve, color=BLUE, label=films)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    axes.legend(loc="lower right", fontsize=7)


def _reliability_sheet(make: type[Figure], results: Sequence[EvaluatedFilm]) -> Figure | None:
    """A panel per split and source with both COVID-19 and other films: observed share against probability."""
    pooled = [(name, *_known(rows), calibrated(rows)) for name, rows in _by_source(results)]
    sources = [(name, said, found) for name, said, ill, found in pooled if found and ill.any() and not ill.all()]
    figure, panels = _panels(make, len(sources))
    for axes, (title, probability, measured) in zip(panels, sources, strict=True):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
        share = np.full(len(probability), 1 / len(probability))
        axes.hist(probability, bins=20, range=(0, 1), weights=share, color=GREY, alpha=0.3, label="share of films")
        observed = [(one["probability"], one["observed"]) for one in measured["bins"]]
        label = f"ECE {measured['ece']:.3f}"
        axes.plot(*zip(*observed, strict=True), "o-", color=BLUE, markersize=4, label=label)
        axes.set(xlabel="probability", ylabel="share with COVID-19", xlim=(0, 1), ylim=(0, 1.01), title=title)
        axes.legend(loc="upper left", fontsize=7)
    return figure


def _probability_sheet(make: type[Figure], results: Sequence[EvaluatedFilm]) -> Figure | None:
    """A panel per split and source: how often each probability is given, with and without COVID-19."""
    sources = [(name, *_known(rows)) for name, rows in _by_source(results)]
    sources = [row for row in sources if len(row[1])]
    figure, panels = _panels(make, len(sources))
    for axes, (title, probability, positive) in zip(panels, sources, strict=True):
        for side, colour, label in ((~positive, BLUE, "without COVID-19"), (positive, ORANGE, "with COVID-19")):
            if side.any():
                axes.hist(probability[side], bins=20, range=(0, 1), color=colour, alpha=0.6, label=label)
        axes.set(xlabel="probability", ylabel="films", xlim=(0, 1), title=title)
        axes.legend(fontsize=7)
    return figure


def _example_sheet(make: type[Figure], results: Sequence[EvaluatedFilm]) -> Figure | None:
    """True and false positives and negatives, chosen at random, with heat map and boxes."""
    rows = [_of_kind(results, ill, verdict) for _, ill, verdict in _KINDS]
    if not any(rows):
        return None
    figure = make(figsize=(_EXAMPLES * 2.2, len(_KINDS) * 2.5))
    grid = figure.subplots(len(_KINDS), _EXAMPLES, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for line, (kind, *_), chosen in zip(grid, _KINDS, map(_at_random, rows), strict=True):
        line[0].set_title(kind, fontweight="bold", loc="left")
        for axes, (result, reading) in zip(line, chosen, strict=False):
            _example(axes, result, reading)
    return figure


def _example(axes: Axes, result: EvaluatedFilm, reading: Reading) -> None:
    from matplotlib.patches import Rectangle

    picture = overlay(open_film(result.film.path.read_bytes()), reading)
    axes.imshow(picture)
    for x, y, width, height in result.film.boxes:
        corner, size = (x * picture.width, y * picture.height), (width * picture.width, height * picture.height)
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=BLUE, linewidth=1.5))
    style: dict[str, Any] = {"va": "top", "color": "white", "fontsize": 8, "backgroundcolor": "black"}
    axes.text(0, 1.0, f" {reading.probability:.2f}", transform=axes.transAxes, **style)


def _of_kind(results: Iterable[EvaluatedFilm], ill: bool, verdict: Verdict) -> list[tuple[EvaluatedFilm, Reading]]:
    found = [(r, r.reading) for r in results if r.reading and r.film.source == CONTROLLED.source]
    return [(r, reading) for r, reading in found if r.film.covid is ill and reading.verdict is verdict]


def _at_random(rows: list[tuple[EvaluatedFilm, Reading]]) -> list[tuple[EvaluatedFilm, Reading]]:
    return [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:_EXAMPLES]]


def _panels(make: type[Figure], count: int) -> tuple[Figure | None, list[Axes]]:
    """A figure with that many panels; none of nothing."""
    if count == 0:
        return None, []
    down, across = -(-count // _ACROSS), min(count, _ACROSS)
    figure = make(figsize=(across * _WIDTH, down * _HEIGHT))
    return figure, [figure.add_subplot(down, across, place + 1) for place in range(count)]


def _by_source(results: Iterable[EvaluatedFilm]) -> list[tuple[str, list[EvaluatedFilm]]]:
    """Split by split, the films of each reported source, with the name of both."""
    return sorted(grouped(results, lambda film: f"{reported_as(film.source)}, {film.split}").items())


def _known(results: Iterable[EvaluatedFilm]) -> tuple[Floats, Flags]:
    """Probability, and whether the label is COVID-19, of the films that were read and are labelled."""
    rows = labelled_readings(results)
    return np.array([reading.probability for _, reading in rows]), np.array([covid for covid, _ in rows], np.bool_)
