"""`lungwise unsent`: what is not sent to the archives, without sending it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta

import click

from lungwise.cli.bootstrap import open_services
from lungwise.cli.errors import one_line_errors
from lungwise.jobs.unsent import UnsentLine, Why
from lungwise.store import utc_now

_MOST_MINUTES = 10 * 365 * 24 * 60
"""Ten years: nothing is tried for more than some days."""


@click.command()
@click.option(
    "--late",
    default=60,
    show_default=True,
    type=click.IntRange(0, _MOST_MINUTES),
    metavar="MINUTES",
    help="What has waited for longer is late.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each line, for programs.")
@one_line_errors
def unsent(late: int, as_json: bool) -> None:
    """List the results that are not sent, of every clinic, the oldest first. Nothing is sent and nothing is changed.

    Exits with 3 where something is late or nothing will try it again: for a timer, or for monitoring.
    """
    with open_services(writes=False) as services:
        clinics = {clinic.id: clinic.name for clinic in services.clinics.all()}
        lines = services.unsent.of_all()
    for line in lines:
        click.echo(json.dumps(_as_json(line, clinics), ensure_ascii=False) if as_json else _said(line, clinics))
    if not (lines or as_json):
        click.echo("Everything is sent.")
    before = utc_now() - timedelta(minutes=late)
    wrong = [line for line in lines if line.since < before or line.state in (Why.GIVEN_UP, Why.ARCHIVE_REMOVED)]
    click.get_current_context().exit(3 if wrong else 0)


def _as_json(line: UnsentLine, clinics: dict[int, str]) -> dict[str, object]:
    given = asdict(line) | {"clinic": clinics[line.clinic], "since": line.since.isoformat()}
    given["next_try"] = line.next_try.isoformat() if line.next_try else None
    return {name: value for name, value in given.items() if name != "number"}


def _said(line: UnsentLine, clinics: dict[int, str]) -> str:
    tried = f", tried {line.attempts} times: {line.error}" if line.error else ""
    where = f"Study {line.study} of {clinics[line.clinic]} to {line.archive}"
    if line.withdrawal:
        where = f"Withdrawal of study {line.study} of {clinics[line.clinic]} from {line.archive}"
    return f"{where}: {line.state} since {line.since:%Y-%m-%d %H:%M} UTC{tried}."
