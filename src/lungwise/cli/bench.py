"""`lungwise bench`: how fast this machine reads, stage by stage, or a server with its workers."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from lungwise.cli.bench_server import FILMS_OF_A_STUDY, measure_server, print_server
from lungwise.cli.errors import one_line_errors
from lungwise.cli.synthetic_film import synthetic_jpeg
from lungwise.films import open_film, open_path
from lungwise.films.preprocess import LEAST_SIDE, preprocess
from lungwise.reading import Reader

STAGES = ("decode", "preprocess", "network", "whole")
Measured = dict[str, Any]


@click.command()
@click.option(
    "--film", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A film [a synthetic one, 1 MP]."
)
@click.option("--rounds", default=100, show_default=True, type=click.IntRange(10), help="Films to measure.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--server", help="Measure this server, end to end through its API; its studies stay there.")
@click.option("--token", envvar="LUNGWISE_TOKEN", show_envvar=True, help="Token for the server, with the scope upload.")
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1), help="Cores that read there, one to a worker."
)
@one_line_errors
def bench(film: Path | None, rounds: int, as_json: bool, server: str | None, token: str | None, workers: int) -> None:
    """Measure decoding, preprocessing, network and the whole, and films a second.

    With --server it uploads the films to a server of yours, ten synthetic ones to a study or --film as a study each
    time, and measures from there to the last reading. Set its LUNGWISE_API_RATE high for that, and run this on a
    machine like the workers': the network's own time is measured here.

    All figures are of this machine and of this moment: compare the ratios, and stop other work first.
    """
    if server is not None and not token:
        raise click.UsageError("A server asks for a token. Give --token, or set LUNGWISE_TOKEN.")
    if server and token:
        study = [film.read_bytes()] if film else [synthetic_jpeg(seed) for seed in range(FILMS_OF_A_STUDY)]
        measured, show = measure_server(server, token, study, rounds, workers), print_server
    else:
        measured, show = _measure_here(film, rounds), _print
    if as_json:
        click.echo(json.dumps(measured))
    else:
        show(measured)


def _measure_here(film: Path | None, rounds: int) -> Measured:
    if film:
        return measure(film, rounds)
    with tempfile.TemporaryDirectory() as folder:
        synthetic = Path(folder) / "synthetic.jpg"
        synthetic.write_bytes(synthetic_jpeg(1))
        return measure(synthetic, rounds)


def measure(path: Path, rounds: int) -> Measured:
    """Measure one film's way through every stage.

    Returns
    -------
    Milliseconds (`median` and `p95`) per stage; `batch` milliseconds per film; the ratios
    of `whole` and `batch` to the network's own median; films a second; seconds from the
    start of a process to its first answer; the highest resident memory in MB.
    """
    reader, data = Reader(), path.read_bytes()
    opened = open_film(data, least_side=LEAST_SIDE)
    square, network = preprocess(opened.pixels), reader.runtime()
    stages: dict[str, Callable[[], object]] = {
        "decode": lambda: open_film(data, least_side=LEAST_SIDE),
        "preprocess": lambda: preprocess(opened.pixels),
        "network": lambda: network.run(square),
        "whole": lambda: reader.predict_ungated(open_path(path, LEAST_SIDE)),
    }
    times = _interleaved(stages, rounds)
    measured: Measured = {name: _summary(times[name]) for name in STAGES}
    batch = _batch(reader, path, rounds)
    alone = measured["network"]["median"]
    return measured | {
        "batch": batch,
        "whole_over_network": round(measured["whole"]["median"] / alone, 3),
        "batch_over_network": round(batch / alone, 3),
        "films_per_second": round(1000 / batch, 1),
        "first_reading_seconds": _first_reading(path),
        "resident_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _interleaved(stages: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each stage, taken in turn, so that a slow moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in stages}
    for warm in range(-5, rounds):
        for name, stage in stages.items():
            began = time.perf_counter()
            stage()
            if warm >= 0:
                times[name].append((time.perf_counter() - began) * 1000)
    return times


def _batch(reader: Reader, path: Path, films: int) -> float:
    """Milliseconds per film when many are read."""
    for _ in reader.read_many([path] * 8):
        pass
    began = time.perf_counter()
    for _ in reader.read_many([path] * films):
        pass
    return round((time.perf_counter() - began) * 1000 / films, 2)


def _first_reading(path: Path) -> float:
    """Seconds from the start of a fresh process to its answer."""
    command = [sys.executable, "-m", "lungwise", "read", "--json", str(path)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own command
    if not done.stdout:
        raise click.ClickException(f"A fresh process did not answer: {done.stderr.decode(errors='replace').strip()}")
    return round(time.perf_counter() - began, 2)


def _summary(times: list[float]) -> dict[str, float]:
    return {"median": round(float(np.median(times)), 2), "p95": round(float(np.percentile(times, 95)), 2)}


def _print(measured: Measured) -> None:
    console = Console()
    table = Table("stage", "median, ms", "p95, ms", box=None, header_style="dim")
    for name in STAGES:
        table.add_row(name, f"{measured[name]['median']:.1f}", f"{measured[name]['p95']:.1f}")
    console.print(table)
    console.print(
        f"\nOne film takes {measured['whole_over_network']:.2f} times the network's own time; "
        f"in a batch {measured['batch_over_network']:.2f} times, {measured['films_per_second']:.0f} films a second.\n"
        f"A fresh process answers after {measured['first_reading_seconds']:.1f} s; "
        f"{measured['resident_megabytes']} MB resident."
    )
