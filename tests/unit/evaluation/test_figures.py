"""Figures are drawn from the table of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lungwise.evaluation.figures import draw_figures
from lungwise.evaluation.results import EvaluatedFilm, FilmReader, Track, read_films
from lungwise.films.collection import read_collection

pytest.importorskip("matplotlib", reason="figures need the extra `train`")


@pytest.fixture
def results(reader: FilmReader, collection: Path, untracked: Track) -> list[EvaluatedFilm]:
    films = [film for film in read_collection(collection) if film.split != "val"]
    return read_films(reader, films, untracked)


def test_every_figure_is_written_as_png_and_svg(results: list[EvaluatedFilm], tmp_path: Path) -> None:
    paths = draw_figures(results, tmp_path / "figures")
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {path.name for path in paths}
    assert names == {
        f"{name}.{kind}" for name in ("roc", "reliability", "probabilities", "examples") for kind in ("png", "svg")
    }
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert min(image.size) > 300


def test_figures_repeat_to_the_last_byte(results: list[EvaluatedFilm], tmp_path: Path) -> None:
    once, again = draw_figures(results, tmp_path / "once"), draw_figures(results, tmp_path / "again")
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


def test_roc_panels_name_their_source_and_show_no_source_of_one_kind(
    results: list[EvaluatedFilm], tmp_path: Path
) -> None:
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw_figures(results, tmp_path)
    drawn = (tmp_path / "roc.svg").read_text()
    assert "siim, test" in drawn
    assert "hannover" not in drawn
    assert "delhi" not in drawn


def test_films_of_one_class_alone_give_probabilities_only(result: Callable[..., EvaluatedFilm], tmp_path: Path) -> None:
    rows = [result(p, source="delhi", group="negative-only", label="normal") for p in (0.1, 0.9)]
    assert {path.stem for path in draw_figures(rows, tmp_path)} == {"probabilities"}
