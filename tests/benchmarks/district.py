"""Films a second with 1, 2 and 4 workers, and what a film costs: `python tests/benchmarks/district.py [--json FILE]`.

Starts a MariaDB and a Redis server of its own, the pages, and each number of workers in turn, one core to a worker;
measures how fast they empty the queue and what `lungwise bench --server` says of them; and takes the processor time
and memory of every part from the system. `--json docs/sizing.json` followed by `make docs` writes the sizing guide
anew. With `--sqlite` everything is as on one machine: SQLite, and workers without a broker.
Processor times are steadier than films a second: for those, stop other work first.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
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
from lungwise.cli.bench_server import measure_server
from lungwise.cli.drawn_film import as_jpeg, drawn_film
from lungwise.client import Client
from lungwise.settings import Settings
from lungwise.store import Database
from lungwise.studies.models import ReadingRecord
from processes import environment, running, until
from servers import MariaDb, Redis, free_port

LUNGWISE = [sys.executable, "-m", "lungwise"]
_SIZE = text("SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()")
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
    drawn = drawn_film(1, 4)
    machine = _machine()
    jpeg = as_jpeg(drawn.resize((1024, 1024)))
    dicom = dicom_file(np.asarray(drawn.resize((2048, 2048)), np.uint16) << 8)
    with tempfile.TemporaryDirectory() as folder:
        runs = [_run(Path(folder) / f"{count}", sqlite, jpeg, films, count) for count in counts]
        large = _run(Path(folder) / "large", sqlite, dicom, max(films // 4, 6), min(counts))
    measured = {**machine, "database": "SQLite" if sqlite else "MariaDB and Redis", "runs": runs, "large": large}
    _print(measured)
    if file:
        file.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def _run(folder: Path, sqlite: bool, film: bytes, films: int, workers: int) -> Measured:
    """Measure an installation of its own with so many workers."""
    (folder / "metrics").mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
    with ExitStack() as stack:
        settings, parts = _servers(stack, folder, sqlite)
        token = install(settings)
        pages = stack.enter_context(running([*LUNGWISE, "serve"], settings, ready="Sign in"))
        client = Client(_server(settings), token)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _number: client.upload([film]), range(films)))
        reading = [stack.enter_context(_worker(settings, number)) for number in range(workers)]
        parts |= {"pages": [psutil.Process(pages.pid)], "workers": [psutil.Process(one.pid) for one in reading]}
        rate = _reading_rate(settings, films)
        return {"reading_per_second": rate, **_measure(settings, token, parts, film, films, workers)}


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
    until(lambda: _readings(settings) == films, 1800)
    database = Database(settings)
    with database.reading() as session:
        times = sorted(session.scalars(select(ReadingRecord.created_at)))[films // 3 :]
    database.close()
    return round((len(times) - 1) / (times[-1] - times[0]).total_seconds(), 2)


def _measure(settings: Settings, token: str, parts: dict[str, Part], film: bytes, films: int, workers: int) -> Measured:
    busy = min(workers, len(os.sched_getaffinity(0)))
    done, used = _readings(settings), {name: _seconds(part) for name, part in parts.items()}
    measured = measure_server(_server(settings), token, film, films, busy)
    read = _readings(settings) - done
    cost = {name: 1000 * (_seconds(part) - used[name]) / read for name, part in parts.items()}
    return measured | {
        "workers": workers,
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
            session.execute(
                text("ANALYZE TABLE studies, films, readings, jobs, patients, patient_words, audit_entries")
            )
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
        "cores": len(os.sched_getaffinity(0)),
    }


def _print(measured: Measured) -> None:
    click.echo(f"{measured['processor']}, {measured['cores']} cores; {measured['database']}")
    first = measured["runs"][0]
    for run in [*measured["runs"], measured["large"]]:
        share = run["reading_per_second"] / (first["reading_per_second"] / first["workers"] * run["workers"])
        click.echo(
            f"{run['workers']} workers, films of {run['film_bytes'] >> 10} kB: {run['reading_per_second']:.1f} films a "
            f"second ({share:.0%} of so many times the first), {run['films_per_second']:.1f} while they are uploaded; "
            f"a core reads one in {run['reader']:.1f} ms, the network alone in {run['network']:.1f} ms, "
            f"{run['overhead']:+.0%}; "
            f"processor ms a film {run['processor']}; MB {run['megabytes']}"
        )


if __name__ == "__main__":
    main()
