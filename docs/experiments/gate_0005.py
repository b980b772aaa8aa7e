"""How surely the gate takes films for what they are: `python docs/experiments/gate_0005.py FOLDER FILMS_CSV`.

FOLDER holds an artefact. Prints the least probability of an upright frontal film among SIIM's `train` and `val` films,
and the highest among the pictures of `train` and `val` that are none. Films that lie turned are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lungwise.films import Refusal, open_film
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.films.preprocess import preprocess
from lungwise.reading.artefact import GATE, load_artefact
from lungwise.reading.gate import quarter_turns
from lungwise.reading.runtime import OpenVino, cores


def upright(network: OpenVino, film: LabelledFilm) -> float:
    """Probability of an upright frontal film; not a number where it cannot be opened, or lies turned."""
    try:
        gate = network.run(preprocess(open_film(film.path.read_bytes()).pixels))["gate"]
    except Refusal:
        return np.nan
    return np.nan if quarter_turns(gate) else float(gate[GATE.index("upright")])


def main(folder: Path, table: Path) -> None:
    """Print both ends."""
    network = OpenVino(load_artefact(folder).onnx, cores())
    films = [film for film in read_collection(table) if film.split in ("train", "val")]
    good = np.array([upright(network, film) for film in films if film.source == "siim"])
    none = np.array([upright(network, film) for film in films if film.group == "ood"])
    print(f"{np.isfinite(good).sum()} SIIM films, least: {np.sort(good)[:5].round(3)}")  # noqa: T201
    print(f"{np.isfinite(none).sum()} pictures that are none, highest: {np.sort(-none)[:3].round(3) * -1}")  # noqa: T201


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
