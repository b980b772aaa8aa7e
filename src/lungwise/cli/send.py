"""`lungwise send`: results to the archives and to other systems, now."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from sqlalchemy.orm import Session

from lungwise.cli.bootstrap import make_sender, open_database, report_senders
from lungwise.cli.errors import one_line_errors
from lungwise.cli.settings import read_settings
from lungwise.clinics.destinations import ClinicDestinations
from lungwise.jobs.deliveries import Dispatches, DispatchLine, ReportDispatches
from lungwise.jobs.withdrawals import Withdrawals
from lungwise.reports.report_sender import ReportSender
from lungwise.reports.withdrawal_sender import WithdrawalSender
from lungwise.settings import Settings
from lungwise.store import Database, utc_now

if TYPE_CHECKING:
    from lungwise.dicom.send import Sender

_OTHERS_SECONDS = 60
"""How long another process may take over what it is sending."""


@click.command()
@click.argument("study", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each study that is left unsent.")
@click.option(
    "--cancel",
    metavar="DESTINATION",
    help="Cancel what waits for an archive (AE or AE@host:port), webhook, fhir or hl7.",
)
@one_line_errors
def send(study: tuple[str, ...], as_json: bool, cancel: str | None) -> None:
    """Send now what waits for the archives and for other systems, and what was given up; first queue each STUDY.

    STUDY is the last word of its page's address. Exits with 3 where something is left unsent. `lungwise node` and
    `lungwise serve` send by themselves.
    """
    settings = read_settings()
    if cancel is not None:
        return _cancel(settings, cancel)
    if not settings.destinations:
        raise click.ClickException(
            "There is nowhere to send to. Set LUNGWISE_SEND_TO to an archive, as AE@host:port, or "
            "LUNGWISE_REPORT_WEBHOOK_URL, LUNGWISE_FHIR_URL or LUNGWISE_HL7_RESULTS_TO; or, for each clinic, "
            "LUNGWISE_CLINIC_DESTINATIONS."
        )
    with open_database(settings) as database:
        with database.writing() as session:
            _queue(session, settings, study)
        arrived = sum(not error for sender in _senders(database, settings) for error in sender.work_all())
        left = _left(database)
    for line in left:
        error = line.error or "waits"
        if line.destination not in settings.destinations:
            error = "the settings name it no more; cancel it with lungwise send --cancel"
        what = "Withdrawal of study" if line.withdrawal else "Study"
        said = f"{what} {line.study} to {line.destination}: {error}."
        click.echo(json.dumps(asdict(line)) if as_json else said)
    if not as_json:
        click.echo(f"The results of {arrived} studies are sent, {len(left)} wait.")
    click.get_current_context().exit(3 if left else 0)


def _queue(session: Session, settings: Settings, studies: tuple[str, ...]) -> None:
    go = ClinicDestinations(session, settings)
    archives = Dispatches(session, utc_now, of_clinic=go.archives)
    systems = ReportDispatches(session, utc_now, of_clinic=go.systems)
    for key in studies:
        if not (archives.queue_study(key) and systems.queue_study(key)):
            raise click.ClickException(f"There is no study {key}.")
    archives.retry_now()
    Withdrawals(session, utc_now).retry_now()


def _senders(database: Database, settings: Settings) -> Iterator[Sender | ReportSender | WithdrawalSender]:
    if settings.all_send_to:
        yield make_sender(database, settings)
    yield from report_senders(database, settings)


def _left(database: Database) -> list[DispatchLine]:
    """List what is unsent; what another process is sending just now is waited for."""
    end = time.monotonic() + _OTHERS_SECONDS
    while True:
        with database.reading() as session:
            left = [*Dispatches(session, utc_now).unsent(), *Withdrawals(session, utc_now).unsent()]
        if time.monotonic() > end or not any(line.is_sending for line in left):
            return left
        time.sleep(0.2)


def _cancel(settings: Settings, destination: str) -> None:
    """Cancel what waits for a destination, whether or not results are still sent there."""
    if not destination.strip():
        raise click.BadParameter("Name an archive (AE or AE@host:port), webhook, fhir or hl7.", param_hint="--cancel")
    with open_database(settings) as database, database.writing() as session:
        count = Dispatches(session, utc_now).cancel(destination) + Withdrawals(session, utc_now).cancel(destination)
    known = {name for one in settings.destinations for name in (one, one.partition("@")[0])}
    if not count and destination not in known:
        raise click.ClickException(f"Nothing waits for {destination}, and no setting names it. See: lungwise unsent")
    click.echo(f"Nothing waits for {destination} any more: {count} cancelled.")
