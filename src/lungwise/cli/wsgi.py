"""The application for gunicorn: `gunicorn --threads 8 'lungwise.cli.wsgi:application()'`."""

from __future__ import annotations

import atexit
import sys

import click

from lungwise import logs
from lungwise.allocator import collect_rarely, give_memory_back
from lungwise.cli import bootstrap
from lungwise.cli.bootstrap import (
    make_audit_exporter,
    make_mail_sender,
    make_watch,
    note_model,
    open_database,
    report_senders,
    take_turns,
    warn_of_unknown_clinics,
)
from lungwise.cli.parts import Background
from lungwise.cli.settings import read_settings
from lungwise.cli.start_errors import said_in_a_sentence
from lungwise.settings import Settings
from lungwise.web_app import Lungwise, create_app

_NEVER = 3
"""The exit code of a process that must not be restarted: gunicorn ends with it."""


def application() -> Lungwise:
    """Make the application in one of several processes, after the fork: never with gunicorn's `--preload`.

    The schema is not upgraded here, because several processes start at once.
    """
    try:
        settings = read_settings()
        return _opened(settings)
    except click.ClickException as error:
        click.echo(f"Lungwise cannot begin. {error.message}", err=True)
        sys.exit(_NEVER)


def _opened(settings: Settings) -> Lungwise:
    give_memory_back()
    take_turns()
    logs.configure(settings.log_format, settings.log_level)
    with open_database(settings) as database:
        note_model(database, settings)
        warn_of_unknown_clinics(database, settings)
        app = create_app(settings, bootstrap.make_reader)
    collect_rarely()
    app.worker.start()
    atexit.register(app.worker.stop)  # the films in hand are finished
    with said_in_a_sentence(settings):
        parts: tuple[Background | None, ...] = (
            make_mail_sender(app.database, settings),
            make_audit_exporter(app.database, settings),
            *make_watch(app.database, settings),
            *report_senders(app.database, settings),
        )
    for part in filter(None, parts):
        part.start()
        atexit.register(part.stop)
    return app
