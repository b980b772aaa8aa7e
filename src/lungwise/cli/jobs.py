"""`lungwise jobs`: the queue of films to read, from the command line."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from lungwise.audit.service import AuditTrail
from lungwise.cli import bootstrap
from lungwise.cli.bootstrap import note_model, open_database, open_services
from lungwise.cli.errors import one_line_errors
from lungwise.cli.progress import progress
from lungwise.cli.settings import read_settings
from lungwise.jobs.queue import Entry, JobState, Queue
from lungwise.jobs.reading_queue import Model
from lungwise.jobs.reading_worker import ReadingWorker
from lungwise.monitoring.shadow_reader import ShadowReader
from lungwise.reading.artefact import Artefact, ArtefactError, load_artefact, shipped_card
from lungwise.store import Database, FilmStore, utc_now

_NICE = 15
_POLL_SECONDS = 0.5
"""Seconds between two looks at films that others read."""
_MOST = 2**63 - 1
"""The greatest number that a database knows, of a job and of how many."""
_NOT_FAILED = "Not each of these is a failed job. None is queued again. See: lungwise jobs list --state failed"
_json = click.option("--json", "as_json", is_flag=True, help="JSON for programs.")


@click.group()
def jobs() -> None:
    """List, retry, drain and repeat the readings of films."""


@jobs.command("list")
@click.option(
    "--state",
    type=click.Choice([state.value for state in JobState]),
    help="Only jobs of this state; by default all but done.",
)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, _MOST), help="Most jobs of each state.")
@_json
@one_line_errors
def list_jobs(state: str | None, limit: int, as_json: bool) -> None:
    """List jobs, the oldest first. A failed job waits until somebody has it retried."""
    states = [JobState(state)] if state else [JobState.QUEUED, JobState.RUNNING, JobState.FAILED]
    with _queue() as queue:
        rows = [_row(entry) for state in states for entry in queue.entries(state, limit)]
        counts = queue.counts()
    if as_json:
        click.echo(json.dumps({"counts": counts, "jobs": rows}, ensure_ascii=False))
        return
    table = Table(*Entry.__slots__, caption=", ".join(f"{name}: {count}" for name, count in counts.items()))
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)


@jobs.command()
@click.argument("numbers", metavar="[JOB]...", type=click.IntRange(1, _MOST), nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every failed job.")
@_json
@one_line_errors
def retry(numbers: tuple[int, ...], everything: bool, as_json: bool) -> None:
    """Queue failed jobs again, by number or all of them."""
    if bool(numbers) == everything:
        raise click.UsageError("Name the jobs to retry, or say --all. See: lungwise jobs list --state failed")
    with _queue(writes=True) as queue:
        count = queue.retry(None if everything else list(numbers))
        if count < len(set(numbers)):
            raise click.ClickException(_NOT_FAILED)
    click.echo(json.dumps({"queued": count}) if as_json else f"{count} failed jobs are queued again.")


@jobs.command()
@_json
@one_line_errors
def drain(as_json: bool) -> None:
    """Read what is queued, in this process too, until nothing waits any more."""
    with _worker() as (database, worker):
        counts = _drain(database, worker, None)
    _print_outcome(counts, as_json)


@jobs.command()
@_json
@one_line_errors
def reread(as_json: bool) -> None:
    """Read every film again that this release's model has not read; the old readings stay.

    New films go first, here and everywhere. The command can be stopped and started again at any
    time: what was queued is read by whoever serves, and no film is read twice.
    """
    with _worker() as (database, worker):
        model = worker.model
        _queue_all(database, worker)
        counts = _drain(database, worker, model)
    _print_outcome(counts, as_json)


@jobs.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--once", is_flag=True, help="End when every film is read, rather than wait for more.")
@one_line_errors
def shadow(folder: Path, once: bool) -> None:
    """Let the model in FOLDER read beside the one in use, where only administrators see what it says.

    It reads at the lowest priority what the model in use has answered, the newest first, and waits while a new film
    waits for its answer. Stop it at any time; started again, it goes on. The page /second-model compares them.
    """
    settings = read_settings()
    artefact = _other_artefact(folder)
    os.nice(_NICE)
    with open_database(settings) as database:
        reader = ShadowReader(
            database, FilmStore(settings), utc_now, bootstrap.make_shadow_reader(artefact), artefact.card
        )
        _read_beside(reader, once=once)
    click.echo("The second model has read every film.")


def _other_artefact(folder: Path) -> Artefact:
    try:
        artefact = load_artefact(folder)
    except ArtefactError as error:
        raise click.ClickException(str(error)) from error
    if artefact.card.hashes["onnx"] == shipped_card().hashes["onnx"]:
        raise click.ClickException("The model in this folder is the one in use. Name a folder of another.")
    return artefact


def _read_beside(reader: ShadowReader, *, once: bool) -> None:
    with progress() as report:
        done, left = 0, reader.count_left()
        while left or not once:
            for _film in reader.read_some():
                done += 1
                report("Reading films with the second model", done, max(done, left))
            if reader.must_wait() or not reader.count_left():
                if once and not reader.count_left():
                    return
                time.sleep(_POLL_SECONDS)


def _queue_all(database: Database, worker: ReadingWorker) -> None:
    last = 0
    while True:
        with database.writing() as session:
            films = _queue_over(session, worker.wake).reread(worker.model, after=last)
        if not films:
            return
        last = films[-1]


def _drain(database: Database, worker: ReadingWorker, model: Model | None) -> dict[str, int]:
    with progress() as report:
        while True:
            with database.reading() as session:
                counts = _queue_over(session).counts(model)
            waiting = counts["queued"] + counts["running"]
            report("Reading films", sum(counts.values()) - waiting, sum(counts.values()))
            if not waiting:
                return counts
            if not worker.work_for(_POLL_SECONDS):
                time.sleep(_POLL_SECONDS)  # others have what is left


def _print_outcome(counts: dict[str, int], as_json: bool) -> None:
    text = f"Nothing waits any more: {counts['done']} films are read, {counts['failed']} failed."
    click.echo(json.dumps(counts) if as_json else text)
    if counts["failed"]:
        raise SystemExit(1)


@contextmanager
def _queue(*, writes: bool = False) -> Iterator[Queue]:
    with open_services(writes=writes) as services:
        yield _queue_over(services.session)


@contextmanager
def _worker() -> Iterator[tuple[Database, ReadingWorker]]:
    settings = read_settings()
    with open_database(settings) as database:
        note_model(database, settings)
        store = FilmStore(settings)
        yield database, ReadingWorker(settings, database, store, utc_now, bootstrap.make_reader)


def _queue_over(session: Session, notify: Callable[[], None] = lambda: None) -> Queue:
    return Queue(session, utc_now, AuditTrail(session, utc_now, "command line"), notify)


def _row(entry: Entry) -> dict[str, str | int]:
    return {**asdict(entry), "queued_at": entry.queued_at.isoformat()}
