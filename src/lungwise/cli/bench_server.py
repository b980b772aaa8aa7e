"""`lungwise bench --server`: films a second through a server's API, and what a film costs there besides the network."""

from __future__ import annotations

import os
import secrets
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import numpy as np
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from lungwise.api.schemas import LONGEST_WAIT, Reading, Study
from lungwise.client import ApiError, Client
from lungwise.films import open_film
from lungwise.films.dicom.header import read_header
from lungwise.films.preprocess import preprocess
from lungwise.reading import Reader
from lungwise.reading.gate import REFUSALS
from lungwise.reading.runtime import cores

FILMS_OF_A_STUDY = 10
"""With as many, the pages need less of a core for a film than the workers, which therefore never wait for one."""
_SENDERS = 4
"""Uploads under way at once."""
_ROUNDS = 5
_LONGEST_WAIT_SECONDS = 600
"""A film that is not read by then shows that nobody reads there."""
_STAGE = "lungwise_stage_seconds"
_MEMORY, _PROCESSOR = "lungwise_memory_bytes", "lungwise_reader_processor_seconds_total"
_FILMS = "films"
_DIGITS = 12
"""At the end of a film's UID, which are made new."""
_COUNT_FILMS = {"lungwise_readings_total", "lungwise_refusals_total"}
_LEAST_LEFT = 0.25
"""Share of the films that must be left when the last is uploaded, for the readers to be measured from then on."""
_BY_THE_GATE = set(REFUSALS.values())
Measured = dict[str, Any]
Figures = defaultdict[str, float]


def measure_server(server: str, token: str, study: Sequence[bytes], films: int, workers: int) -> Measured:
    """Upload films, again and again as a study, and wait until all are read.

    Parameters
    ----------
    study
        Films that differ. Where there is one alone, the pages may take longer for it than a reader.
    films
        How many to upload; the last study may be smaller.
    workers
        How many cores read there.

    Returns
    -------
    Films a second, from the moment the first study is saved to the last reading, by the server's clock;
    uploads a second; milliseconds (`median`, `p95`) from upload to answer where nothing else waits; milliseconds
    for which a film holds up one `worker`; where `/metrics` may be read, milliseconds of processor that all a
    `reader` does for a film takes, from the last upload on if many films wait then, those of each stage by the clock,
    and the readers' highest memory in MB; the `network`'s own milliseconds on one core of this machine, and how far the
    reader's, or else the worker's, are over.

    Raises
    ------
    ApiError
        If the server refuses, or does not read.
    """
    client, studies = Client(server, token), [study[: films - done] for done in range(0, films, len(study))]
    alone = [_time_alone(client, study[0]) for _ in range(max(films // 10, 5))]
    before = scrape(server)
    began = time.perf_counter()
    with ThreadPoolExecutor(_SENDERS, thread_name_prefix="lungwise-upload") as pool:
        keys = [uploaded.key for uploaded in pool.map(lambda one: client.upload(list(map(_made_new, one))), studies)]
    uploads, uploaded = films / (time.perf_counter() - began), scrape(server)
    rate = _rate([_read(client, key) for key in reversed(keys)])
    after = scrape(server)
    worker, network = 1000 * workers / rate, network_alone(study[0], films)
    reader = _reader(before, uploaded, after)
    return {
        "films": films,
        "films_of_a_study": len(study),
        "workers": workers,
        "films_per_second": round(rate, 2),
        "uploads_per_second": round(uploads, 2),
        "alone": {"median": round(float(np.median(alone)), 1), "p95": round(float(np.percentile(alone, 95)), 1)},
        "worker": round(worker, 2),
        "reader": round(reader, 2) if reader else None,
        "network": round(network, 2),
        "overhead": round((reader or worker) / network - 1, 3),
        "stages": _stages(before, after, films),
        "memory_megabytes": round(after[_MEMORY] / 2**20) if after[_MEMORY] else None,
    }


def _reader(before: Figures, uploaded: Figures, after: Figures) -> float | None:
    """Milliseconds of processor for a film: while nobody uploads, if enough were left to be read then."""
    enough = after[_FILMS] - uploaded[_FILMS] >= _LEAST_LEFT * (after[_FILMS] - before[_FILMS])
    begin = uploaded if enough else before
    read = after[_FILMS] - begin[_FILMS]
    return 1000 * (after[_PROCESSOR] - begin[_PROCESSOR]) / read if read and after[_PROCESSOR] else None


def network_alone(film: bytes, films: int) -> float:
    """Measure the network's own milliseconds of processor for a film, while every core has one: the median round's."""
    runtime, square = Reader().runtime(streams=cores()), preprocess(open_film(film).pixels)
    squares = [square] * max(films // _ROUNDS, 2 * cores())
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(runtime.run, squares[: 2 * cores()]))
        rounds = [_processor_time(lambda: list(pool.map(runtime.run, squares))) for _ in range(_ROUNDS)]
    return float(np.median(rounds)) / len(squares)


def _processor_time(work: Callable[[], object]) -> float:
    """Milliseconds of processor that some work takes."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def _made_new(film: bytes) -> bytes:
    """Make a film that the server does not have yet: a film that it has is not read again."""
    header = read_header(film)
    uid = header.instance_uid.encode() if header else b""
    if len(uid) < _DIGITS + 4:
        return film + b"%d" % secrets.randbelow(10**18)
    return film.replace(uid, uid[:-_DIGITS] + b"%0*d" % (_DIGITS, secrets.randbelow(10**_DIGITS)))


def _time_alone(client: Client, film: bytes) -> float:
    began = time.perf_counter()
    study = client.upload([_made_new(film)], wait=LONGEST_WAIT)
    took = (time.perf_counter() - began) * 1000
    if study.standing == "waiting":
        _read(client, study.key)
    return took


def _read(client: Client, key: str) -> Study:
    end = time.monotonic() + _LONGEST_WAIT_SECONDS
    while (study := client.study(key, LONGEST_WAIT)).standing == "waiting":
        if time.monotonic() > end:
            raise ApiError(0, "Nobody reads there: a film waited for ten minutes. Start a worker.")
    return study


def _rate(studies: list[Study]) -> float:
    readings = [film.reading for study in studies for film in study.films]
    ended = [reading.created_at for reading in readings if reading is not None and _ran(reading)]
    if len(ended) < len(readings):
        raise ApiError(0, "The server could not read this film, or refused it. Measure with another: --film")
    return len(ended) / (max(ended) - min(study.created_at for study in studies)).total_seconds()


def _ran(reading: Reading) -> bool:
    """Whether the network ran: a film that its gate turns away costs what one costs that is read."""
    return reading.refusal is None or reading.refusal.code in _BY_THE_GATE


def scrape(server: str) -> Figures:
    """Read what the server counts, where it lets us: on its own machine, or with `LUNGWISE_METRICS_TOKEN`."""
    token = os.environ.get("LUNGWISE_METRICS_TOKEN", "")
    request = urllib.request.Request(f"{server.rstrip('/')}/metrics", headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - the client took the same address
    try:
        with closing(urllib.request.urlopen(request, timeout=30)) as response:  # noqa: S310
            page = response.read().decode()
    except urllib.error.HTTPError as error:
        error.close()
        page = ""
    figures = Figures(float)
    for name, value in _figures(page):
        figures[name] += value
    return figures


def _figures(page: str) -> Iterator[tuple[str, float]]:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name in (_MEMORY, _PROCESSOR):
                yield sample.name, sample.value
            elif sample.name in _COUNT_FILMS:
                yield _FILMS, sample.value
            elif sample.name == f"{_STAGE}_sum":
                yield sample.labels["stage"], sample.value


def _stages(before: Figures, after: Figures, films: int) -> dict[str, float] | None:
    """Milliseconds that a film took in each stage between two looks; its database's may serve several films at once."""
    took = {name: after[name] - before[name] for name in after if name not in (_MEMORY, _PROCESSOR, _FILMS)}
    return {stage: round(1000 * seconds / films, 2) for stage, seconds in took.items() if seconds > 0} or None


def _cost(measured: Measured) -> str:
    if measured["reader"] is None:
        return "How much of a core it takes the metrics do not tell"
    return f"It takes {measured['reader']:.1f} ms of a core to read it"


def print_server(measured: Measured) -> None:
    """Print the figures as sentences."""
    stages = measured["stages"] or {}
    times = ", ".join(f"{stage} {milliseconds:.1f}" for stage, milliseconds in stages.items())
    memory = measured["memory_megabytes"]
    Console().print(
        f"{measured['films_per_second']:.1f} films a second from upload to reading by {measured['workers']} workers; "
        f"{measured['uploads_per_second']:.1f} are uploaded a second, {measured['films_of_a_study']} to a study.\n"
        f"A film holds up a worker for {measured['worker']:.1f} ms, while others wait for the same cores.\n"
        f"{_cost(measured)}, the network alone {measured['network']:.1f} ms of one: {measured['overhead']:+.0%}.\n"
        f"Where nothing else waits, the answer comes {measured['alone']['median']:.0f} ms after the upload begins.\n"
        + (f"Stages, ms: {times}. A reader's memory, most: {memory} MB." if stages else "Its metrics cannot be read.")
    )
