"""`lungwise worker`: a process that reads films and serves no page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from lungwise import logs
from lungwise.allocator import collect_rarely, give_memory_back
from lungwise.cli import bootstrap
from lungwise.cli.bootstrap import note_model, open_database
from lungwise.cli.errors import one_line_errors
from lungwise.cli.metrics_server import metrics_option, serve_metrics
from lungwise.cli.parts import run
from lungwise.cli.settings import read_settings
from lungwise.jobs.reading_queue import Jobs
from lungwise.jobs.reading_worker import ReadingWorker
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, utc_now


@click.command()
@click.option(
    "--readers",
    type=click.IntRange(1, 64),
    help="Films to read at once, each on one core; by default the setting `readers`, at least 1.",
)
@metrics_option
@one_line_errors
def worker(readers: int | None, metrics_at: tuple[str, int] | None) -> None:
    """Read queued films until told to stop, beside any number of others.

    A worker is for many films: it reads each on one core, so give it as many readers as it has cores.
    Where the settings name a broker, it is a Celery worker with a process for each reader. Its metrics are then
    those of all that share the folder PROMETHEUS_MULTIPROC_DIR.
    """
    settings = read_settings()
    give_memory_back()
    collect_rarely()
    logs.configure(settings.log_format, settings.log_level)
    serve_metrics(metrics_at)
    with open_database(settings) as database:
        note_model(database, settings)
        work = _answer_wake_ups if settings.broker else _read
        work(settings, database, readers or max(1, settings.readers))
    click.echo("The worker has stopped.")


def _read(settings: Settings, database: Database, readers: int) -> None:
    run([_open(settings, database, readers)], lambda: click.echo("The worker reads."))


def _answer_wake_ups(settings: Settings, database: Database, readers: int) -> None:
    from lungwise.jobs.wake_ups import WakeUps, answer  # Celery is an extra

    def any_due() -> bool:
        with database.reading() as session:
            return Jobs(session, utc_now, settings.lease_seconds).any_due()

    def make_work() -> Callable[[], object]:
        return _open(settings, Database(settings), readers=0).work_for

    answer(WakeUps(settings.broker), readers, make_work, any_due)


def _open(settings: Settings, database: Database, readers: int) -> ReadingWorker:
    make_reader = partial(bootstrap.make_reader, readers or 1)  # who answers messages reads alone
    return ReadingWorker(settings, database, FilmStore(settings), utc_now, make_reader, readers)
