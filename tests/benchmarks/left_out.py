"""How well a source's tuberculosis is named by a network that has seen none of it.

`python tests/benchmarks/left_out.py RUN SOURCE FILMS_CSV`, where RUN was trained by `lungwise train --without SOURCE`.
One threshold is chosen at 95 % specificity on the adults of `val` without tuberculosis, of all other sources; with it
the float32 weights call the source's tuberculosis in `test`, and Delhi's, which none has seen. Takes some minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from lungwise.evaluation.criteria import TUBERCULOSIS_SPECIFICITY
from lungwise.evaluation.metrics import proportion, threshold_at_specificity
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.log_odds import finding_log_odds
from run_outputs import outputs_of


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("source")
@click.argument("films_csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(run: Path, source: str, films_csv: Path) -> None:
    """Print what is called of the source's tuberculosis, and of Delhi's films."""
    asked = {
        f"{source}, test, tuberculosis": ("test", source, True),
        "delhi, tuberculosis": ("external", "delhi", True),
        "delhi, no tuberculosis": ("external", "delhi", False),
    }

    def is_healthy(film: LabelledFilm) -> bool:
        return film.split == "val" and film.source != source and film.adult and film.tuberculosis is False

    def is_needed(film: LabelledFilm) -> bool:
        return film.group != "ood" and (is_healthy(film) or _kind(film) in asked.values())

    films, *logits = outputs_of(run, [film for film in read_collection(films_csv) if is_needed(film)])
    odds = finding_log_odds(*logits)[:, FINDING_NAMES.index("tuberculosis")].double().numpy()
    healthy = np.array([is_healthy(film) for film in films])
    threshold = threshold_at_specificity(odds[healthy], TUBERCULOSIS_SPECIFICITY)
    click.echo(f"threshold: {threshold:.2f}, of {healthy.sum()} films")
    for name, kind in asked.items():
        called = proportion(odds[[_kind(film) == kind for film in films]] > threshold)
        if called is not None:
            click.echo(f"{name}: {called['value']:.3f} ({called['lower']:.3f}-{called['upper']:.3f}) of {called['of']}")


def _kind(film: LabelledFilm) -> tuple[str, str, bool | None]:
    return film.split, film.source, film.tuberculosis


if __name__ == "__main__":
    main()
