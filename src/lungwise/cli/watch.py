"""`lungwise watch`: look at every clinic's charts now, and call the webhook about what they say."""

from __future__ import annotations

import json

import click

from lungwise.cli.bootstrap import CommandServices, make_watch, open_database, operator_of
from lungwise.cli.errors import one_line_errors
from lungwise.cli.settings import read_settings
from lungwise.monitoring.alarm_words import numbers, sentence
from lungwise.monitoring.models import Alarm
from lungwise.monitoring.watch_worker import AlarmCaller, WeeklyWatch
from lungwise.monitoring.webhook import Webhook, WebhookError, trial_message
from lungwise.settings import Settings
from lungwise.store import Database, utc_now


@click.command()
@click.option("--try-webhook", is_flag=True, help="Only send a message to webhook_url that says that messages arrive.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each open alarm.")
@one_line_errors
def watch(try_webhook: bool, as_json: bool) -> None:
    """Look now whether the model misses more, or raises more false alarms, in any clinic; list the open alarms.

    Exits with 3 where an alarm is open. `lungwise serve` looks once a week by itself; this is for a timer, and for now.
    """
    settings = read_settings()
    if try_webhook:
        _try(settings)
        return
    with open_database(settings) as database:
        _look(database, settings)
        found = _open_alarms(database, settings)
    for clinic, alarm in found:
        click.echo(json.dumps(_fields(clinic, alarm), ensure_ascii=False) if as_json else _line(clinic, alarm))
    if not found and not as_json:
        click.echo("No alarm is open.")
    click.get_current_context().exit(3 if found else 0)


def _try(settings: Settings) -> None:
    if not settings.webhook_url:
        raise click.ClickException("There is no webhook. Set LUNGWISE_WEBHOOK_URL and LUNGWISE_WEBHOOK_SECRET.")
    try:
        Webhook(settings, utc_now).send(trial_message(utc_now))
    except WebhookError as error:
        raise click.ClickException(f"The webhook did not take the message: {error}.") from error
    click.echo("The webhook took the message.")


def _look(database: Database, settings: Settings) -> None:
    for part in make_watch(database, settings):
        if isinstance(part, WeeklyWatch):
            for clinic in _clinics(database, settings):
                part.look(clinic)
        elif isinstance(part, AlarmCaller):
            list(part.work_all())


def _clinics(database: Database, settings: Settings) -> dict[int, str]:
    with database.reading() as session:
        return {clinic.id: clinic.name for clinic in CommandServices(session, settings).clinics.all()}


def _open_alarms(database: Database, settings: Settings) -> list[tuple[str, Alarm]]:
    clinics = _clinics(database, settings)
    with database.reading() as session:
        alarms = CommandServices(session, settings).alarms
        return [(name, alarm) for number, name in clinics.items() for alarm in alarms.open(operator_of(number))]


def _line(clinic: str, alarm: Alarm) -> str:
    return f"{clinic}: {sentence(alarm, str)} {numbers(alarm, str)}"


def _fields(clinic: str, alarm: Alarm) -> dict[str, object]:
    return {
        "clinic": clinic,
        "id": alarm.key,
        "raised_at": alarm.created_at.isoformat(),
        "finding": alarm.finding,
        "sort": alarm.sort,
        "model": f"{alarm.model} {alarm.version}",
        **alarm.figures,
    }
