"""Films a second with 1, 2 and 4 workers, and what a film costs: `python tests/benchmarks/district.py [--json FILE]`.

Starts a MariaDB and a Redis server of its own, the pages, and each number of workers in turn, one core to a worker;
measures how fast they empty the queue, what `lungwise bench --server` says of them with many films to a study, and with
one; and takes the processor time and memory of every part from the system. `--json docs/sizing.json` followed by
`make docs` writes the sizing guide anew. With `--sqlite` everything is as on one machine: SQLite, and workers without
a broker. Processor times are steadier than films a second: for those, stop other work first.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil
from pydantic import SecretStr
from sqlalchemy import func, select, text

sys.path.insert(0, str(Path(__file__).parents[1]))

from dicom_files import dicom_file
from live_server import install
from lungwise import __version__
from lungwise.cli.bench_server import FILMS_OF_A_STUDY, _made_new, measure_server
from lungwise.cli.synthetic_film import synthetic_film, synthetic_jpeg
from lungwise.client import Client
from lungwise.settings import Settings
from lungwise.store import Database
from lungwise.studies.models import ReadingRecord
from processes import environment, running
from servers import MariaDb, Redis, free_port

LUNGWISE = [sys.executable, "-m", "lungwise"]
_SIZE = text("SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()")
_LONGEST_SECONDS, _POLL_SECONDS = 1800, 1.0
"""Seconds to wait for a queue to be emptied, and between two looks: each costs the readers' cores something."""
Part = list[psutil.Process]
Measured = dict[str, Any]


class DurableMariaDb(MariaDb):
    """A MariaDB server that writes a film's row to disk before it says so, as a clinic's does."""

    def command(self) -> list[str]:
        """Give the command that runs it, without what makes tests quick."""
        return [word for word in super().command() if not word.startswith("--innodb-flush")]


@click.command()
@click.option("--films", default=200, show_default=True, type=click.IntRange(6), help="Films of each run.")
@click.option("--workers", "counts", default=(1, 2, 4), show_default=True, multiple=True, type=click.IntRange(1, 64))
@click.option("--sqlite", is_flag=True, help="SQLite and workers without a broker.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the measurements here.")
def main(films: int, counts: tuple[int, ...], sqlite: bool, file: Path | None) -> None:
    """Measure and print the curve."""
    machine = _machine()
    jpegs = [synthetic_jpeg(seed) for seed in range(FILMS_OF_A_STUDY)]
    dicoms = [_synthetic_dicom(seed) for seed in range(FILMS_OF_A_STUDY)]
    with tempfile.TemporaryDirectory() as folder:
        runs = [_run(Path(folder) / f"{count}", sqlite, jpegs, films, count) for count in counts]
        large = _run(Path(folder) / "large", sqlite, dicoms, max(films // 4, 6), min(counts))
    measured = {**machine, "database": "SQLite" if sqlite else "MariaDB and Redis", "runs": runs, "large": large}
    _print(measured)
    if file:
        file.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def _synthetic_dicom(seed: int) -> bytes:
    return dicom_file(np.asarray(synthetic_film(seed, 4).resize((2048, 2048)), np.uint16) << 8)


def _run(folder: Path, sqlite: bool, study: list[bytes], films: int, workers: int) -> Measured:
    """Measure an installation of its own with so many workers."""
    (folder / "metrics").mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
    with ExitStack() as stack:
        settings, parts = _servers(stack, folder, sqlite)
        token = install(settings)
        pages = stack.enter_context(running([*LUNGWISE, "serve"], settings, ready="Sign in"))
        client = Client(_server(settings), token)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: client.upload([_made_new(study[number % len(study)])]), range(films)))
        reading = [stack.enter_context(_worker(settings, number)) for number in range(workers)]
        parts |= {"pages": [psutil.Process(pages.pid)], "workers": [psutil.Process(one.pid) for one in reading]}
        rate = _reading_rate(settings, films)
        singles = _measure_singles(settings, token, parts, study[0], films, workers)
        many = measure_server(_server(settings), token, study, films, min(workers, _cores()))
        return {"workers": workers, "reading_per_second": rate, "many": many, **singles}


def _servers(stack: ExitStack, folder: Path, sqlite: bool) -> tuple[Settings, dict[str, Part]]:
    own = {"port": free_port(), "readers": 0, "api_rate": 1_000_000}
    settings = Settings(data_folder=folder / "data", argon2_time=1, argon2_memory=64).model_copy(update=own)
    if sqlite:
        return settings, {}
    mariadb, redis = DurableMariaDb(), Redis()
    stack.callback(mariadb.remove)
    redis.start()
    stack.callback(redis.remove)
    assert mariadb.process and redis.process
    servers = {"database_url": mariadb.new_database(), "broker_url": SecretStr(redis.url)}
    parts = {"database": [psutil.Process(mariadb.process.pid)], "broker": [psutil.Process(redis.process.pid)]}
    return settings.model_copy(update=servers), parts


@contextmanager
def _worker(settings: Settings, number: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker on a core of its own, where there are enough, and stop it as an administrator does."""
    cores = sorted(os.sched_getaffinity(0))
    command = ["taskset", "-c", str(cores[number % len(cores)]), *LUNGWISE, "worker", "--readers", "1"]
    silent = subprocess.DEVNULL
    worker = subprocess.Popen(command, env=environment(settings), stdout=silent, stderr=silent)
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(120)


def _server(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.port}"


def _reading_rate(settings: Settings, films: int) -> float:
    """Measure films a second while nobody uploads: of the last two thirds, when every worker has loaded the model."""
    end = time.monotonic() + _LONGEST_SECONDS
    while _readings(settings) < films:
        assert time.monotonic() < end, "it takes too long"
        time.sleep(_POLL_SECONDS)
    database = Database(settings)
    with database.reading() as session:
        times = sorted(session.scalars(select(ReadingRecord.created_at)))[films // 3 :]
    database.close()
    kept_later = sum(time > times[0] for time in times)  # several may have been kept in the first moment
    return round(kept_later / (times[-1] - times[0]).total_seconds(), 2)


def _measure_singles(
    settings: Settings, token: str, parts: dict[str, Part], film: bytes, films: int, workers: int
) -> Measured:
    """Measure one film to a study, as clinics send them, and what every part takes for it."""
    done, used = _readings(settings), {name: _seconds(part) for name, part in parts.items()}
    single = measure_server(_server(settings), token, [film], films, min(workers, _cores()))
    read = _readings(settings) - done
    cost = {name: 1000 * (_seconds(part) - used[name]) / read for name, part in parts.items()}
    return {
        "single": single,
        "film_bytes": len(film),
        "processor": {name: round(milliseconds, 2) for name, milliseconds in cost.items()},
        "megabytes": {name: _megabytes(part) for name, part in parts.items()},
        "disk": _disk(settings),
    }


def _family(part: Part) -> Iterator[psutil.Process]:
    for process in part:
        yield process
        yield from process.children(recursive=True)


def _seconds(part: Part) -> float:
    """Processor time of a part, with that of the processes it began."""
    return float(sum(process.cpu_times().user + process.cpu_times().system for process in _family(part)))


def _megabytes(part: Part) -> int:
    """Memory of one process of a part with those it began; what they share is counted once."""
    return round(float(sum(process.memory_full_info().pss for process in _family(part[:1]))) / 2**20)


def _readings(settings: Settings) -> int:
    database = Database(settings)
    with database.reading() as session:
        count = session.scalar(select(func.count()).select_from(ReadingRecord)) or 0
    database.close()
    return count


def _disk(settings: Settings) -> dict[str, int]:
    """Bytes that a film takes: its file, and its rows."""
    stored = [path.stat().st_size for path in settings.films_folder.rglob("*") if path.is_file()]
    database = Database(settings)
    with database.reading() as session:
        rows = sum(path.stat().st_size for path in settings.data_folder.glob("lungwise.sqlite*"))
        if settings.database_url:
            session.execute(text("ANALYZE TABLE studies, films, readings, jobs, patients, audit_entries"))
            rows = int(session.scalar(_SIZE) or 0)
    database.close()
    return {"film": round(sum(stored) / len(stored)), "rows": round(rows / len(stored))}


def _machine() -> Measured:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {
        "date": date.today().isoformat(),
        "command": "python tests/benchmarks/district.py --json docs/sizing.json",
        "lungwise": __version__,
        "load": round(os.getloadavg()[0], 2),
        "processor": found[1] if found else platform.machine(),
        "cores": _cores(),
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _print(measured: Measured) -> None:
    click.echo(f"{measured['processor']}, {measured['cores']} cores; {measured['database']}")
    first = measured["runs"][0]
    for run in [*measured["runs"], measured["large"]]:
        share = run["reading_per_second"] / (first["reading_per_second"] / first["workers"] * run["workers"])
        click.echo(
            f"{run['workers']} workers, films of {run['film_bytes'] >> 10} kB: {run['reading_per_second']:.1f} films a "
            f"second ({share:.0%} of so many times the first); "
            f"while studies of {run['many']['films_of_a_study']} are uploaded {_in_words(run['many'])}, "
            f"while studies of one are {_in_words(run['single'])}; "
            f"processor ms a film {run['processor']}; MB {run['megabytes']}"
        )


def _in_words(measured: Measured) -> str:
    return (
        f"{measured['films_per_second']:.1f}, a core reads one in {measured['reader']:.1f} ms, the network alone "
        f"in {measured['network']:.1f} ms, {measured['overhead']:+.0%}"
    )


if __name__ == "__main__":
    main()
