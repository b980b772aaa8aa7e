"""`lungwise send`: results to the archives, now."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import click

from lungwise.cli.bootstrap import make_sender, open_database, read_settings
from lungwise.cli.errors import one_line_errors
from lungwise.jobs.deliveries import Dispatches, DispatchLine
from lungwise.settings import Settings
from lungwise.store import Database, utc_now

_OTHERS_SECONDS = 60
"""How long another process may take over what it is sending."""


@click.command()
@click.argument("study", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each study that is left unsent.")
@click.option("--cancel", metavar="ARCHIVE", help="Cancel what waits for this archive (AE or AE@host:port).")
@one_line_errors
def send(study: tuple[str, ...], as_json: bool, cancel: str | None) -> None:
    """Send now what waits for the archives, and what was given up; first queue each STUDY (its page's last word).

    Exits with 3 where something is left unsent. `lungwise node` and `lungwise serve` send by themselves.
    """
    settings = read_settings()
    if cancel is not None:
        return _cancel(settings, cancel)
    if not settings.send_to_list:
        raise click.ClickException("There is no archive to send to. Set LUNGWISE_SEND_TO to AE@host:port.")
    with open_database(settings) as database:
        with database.writing() as session:
            dispatches = Dispatches(session, utc_now, settings.send_to_list)
            for key in study:
                if not dispatches.queue_study(key):
                    raise click.ClickException(f"There is no study {key}.")
            dispatches.retry_now()
        arrived = [error for error in make_sender(database, settings).work_all() if not error]
        left = _left(database)
    for line in left:
        error = line.error or "waits"
        if line.destination not in settings.send_to_list:
            error = "it is not in send_to any more; cancel it with lungwise send --cancel"
        click.echo(json.dumps(asdict(line)) if as_json else f"Study {line.study} to {line.destination}: {error}.")
    if not as_json:
        click.echo(f"The results of {len(arrived)} studies are sent, {len(left)} wait.")
    click.get_current_context().exit(3 if left else 0)


def _left(database: Database) -> list[DispatchLine]:
    """List what is unsent; what another process is sending just now is waited for."""
    end = time.monotonic() + _OTHERS_SECONDS
    while True:
        with database.reading() as session:
            left = Dispatches(session, utc_now).unsent()
        if time.monotonic() > end or not any(line.is_sending for line in left):
            return left
        time.sleep(0.2)


def _cancel(settings: Settings, archive: str) -> None:
    """Cancel what waits for an archive, whether or not results are still sent there."""
    with open_database(settings) as database, database.writing() as session:
        count = Dispatches(session, utc_now).cancel(archive)
    click.echo(f"Nothing waits for {archive} any more: {count} cancelled.")
