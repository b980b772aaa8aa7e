"""How well a source's tuberculosis is named by a network that has seen none of it.

`python tests/benchmarks/left_out.py RUN SOURCE FILMS_CSV`, where RUN was trained by `lungwise train --without SOURCE`.
One threshold is chosen at 95 % specificity on the adults of `val` without tuberculosis, of all other sources; with it
the float32 weights call the source's tuberculosis in `test`, and Delhi's, which none has seen. Takes some minutes.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

from lungwise.cli.progress import counted
from lungwise.evaluation.criteria import TUBERCULOSIS_SPECIFICITY
from lungwise.evaluation.metrics import proportion, threshold_at_specificity
from lungwise.films import Refusal, open_film
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.films.preprocess import preprocess
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.export import trained_network
from lungwise.training.export_graph import fold_scaling
from lungwise.training.log_odds import finding_log_odds


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("source")
@click.argument("films_csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(run: Path, source: str, films_csv: Path) -> None:
    """Print what is called of the source's tuberculosis, and of Delhi's films."""
    films = [film for film in read_collection(films_csv) if film.group != "ood"]
    healthy = [
        film
        for film in films
        if film.split == "val" and film.source != source and film.adult and film.tuberculosis is False
    ]
    threshold = threshold_at_specificity(_tuberculosis(run, healthy), TUBERCULOSIS_SPECIFICITY)
    click.echo(f"threshold: {threshold:.2f}, of {len(healthy)} films")
    asked = {
        f"{source}, test, tuberculosis": ("test", source, True),
        "delhi, tuberculosis": ("external", "delhi", True),
        "delhi, no tuberculosis": ("external", "delhi", False),
    }
    for name, wanted in asked.items():
        odds = _tuberculosis(run, [film for film in films if (film.split, film.source, film.tuberculosis) == wanted])
        called = proportion(odds > threshold)
        if called is not None:
            click.echo(f"{name}: {called['value']:.3f} ({called['lower']:.3f}-{called['upper']:.3f}) of {called['of']}")


def _tuberculosis(run: Path, films: list[LabelledFilm]) -> NDArray[np.float64]:
    """The log odds of tuberculosis of the films that are not refused as files, (n,)."""
    network = fold_scaling(trained_network(run).eval())
    odds = []
    for film in counted(films, "reading", len(films)):
        with suppress(Refusal), torch.inference_mode():
            pixels = torch.as_tensor(preprocess(open_film(film.path.read_bytes()).pixels), dtype=torch.float32)
            said = network.read(*network.stages(pixels.reshape(1, 1, *pixels.shape[-2:])))
            odds.append(float(finding_log_odds(said.appearance, said.findings)[0, FINDING_NAMES.index("tuberculosis")]))
    return np.array(odds)


if __name__ == "__main__":
    main()
