"""`lungwise serve`: the web application on this machine."""

from __future__ import annotations

import errno
import logging
import signal
import sys
from collections.abc import Sequence

import click

from lungwise import logs
from lungwise.accounts.security import setup_code
from lungwise.allocator import collect_rarely, give_memory_back
from lungwise.cli import bootstrap
from lungwise.cli.bootstrap import (
    CommandServices,
    encrypt_films_of_earlier_releases,
    make_audit_exporter,
    make_mail_sender,
    make_sender,
    make_watch,
    note_model,
    note_recipients_of_earlier_releases,
    open_database,
    report_senders,
    take_turns,
    warn_of_unknown_clinics,
)
from lungwise.cli.own_addresses import for_other_devices, on_this_computer
from lungwise.cli.parts import Background
from lungwise.cli.settings import read_settings
from lungwise.cli.start_errors import said_in_a_sentence
from lungwise.monitoring.warming import FilmTableReader
from lungwise.patients.warming import NameReader
from lungwise.settings import Settings
from lungwise.store import FilmStore, check_keys
from lungwise.store.secret_key import check_secret_key
from lungwise.store.way_back import upgrade_with_copy
from lungwise.studies.header_index import HeaderIndexer
from lungwise.web_app import Lungwise, create_app
from lungwise.webkit.server import BoundedServer, make_server
from lungwise.wiring import Wiring

_log = logging.getLogger("lungwise.cli")


_START_SECONDS = 5
"""How long the start waits for another program that has locked SQLite."""


@click.command()
@click.option("--host", help="Address to listen on; by default the setting `host`.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on; by default the setting `port`.")
def serve(host: str | None, port: int | None) -> None:
    """Run the web application until it is told to stop."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = read_settings(**given)
    give_memory_back()
    take_turns()
    logs.configure(settings.log_format, settings.log_level)
    with said_in_a_sentence(settings):
        _prepare(settings)
        app = create_app(settings, bootstrap.make_reader)
        senders = _senders(app, settings, Wiring(settings, FilmStore(settings)))
    collect_rarely()
    server = _listening(app, settings)
    app.worker.start()
    for sender in senders:
        sender.start()
    _run(app, server, settings, senders)


def _senders(app: Lungwise, settings: Settings, wiring: Wiring) -> list[Background]:
    """Make what works beside the pages."""
    senders: list[Background] = [
        NameReader(app.database),
        FilmTableReader(app.database, lambda session: wiring.over(session).zone_of),
        HeaderIndexer(app.database, FilmStore(settings)),
        *make_watch(app.database, settings),
    ]
    if settings.all_send_to:
        senders.append(make_sender(app.database, settings))
    senders += report_senders(app.database, settings)
    if exporter := make_audit_exporter(app.database, settings):
        senders.append(exporter)
    if mail_sender := make_mail_sender(app.database, settings):
        senders.append(mail_sender)
    return senders


def _prepare(settings: Settings) -> None:
    """Upgrade the installation to this release, and check its keys."""
    with open_database(settings, current=False, wait_seconds=_START_SECONDS) as database:
        if copy := upgrade_with_copy(database, settings):
            _log.info("The database has this release's schema now. What it was is kept in %s", copy)
        check_keys(database)
        check_secret_key(database, settings)
        note_model(database, settings)
        warn_of_unknown_clinics(database, settings)
        note_recipients_of_earlier_releases(database, settings)
        encrypt_films_of_earlier_releases(database, FilmStore(settings))


def _listening(app: Lungwise, settings: Settings) -> BoundedServer:
    try:
        return make_server(app, settings.host, settings.port, settings.threads)
    except (OSError, ValueError) as error:
        app.database.close()
        raise click.ClickException(_cannot_listen(error, settings)) from error


def _cannot_listen(error: OSError | ValueError, settings: Settings) -> str:
    where = f"Lungwise cannot listen at {settings.host}:{settings.port}"
    if not isinstance(error, OSError):  # waitress, of a name that stands for no address
        return f"{where}: there is no such address. Choose another with --host."
    if error.errno == errno.EADDRINUSE:
        return f"{where}: another program, or Lungwise itself, listens there. Choose another port with --port."
    return f"{where}: {error.strerror}. Choose another address with --host and --port."


def _run(app: Lungwise, server: BoundedServer, settings: Settings, senders: Sequence[Background]) -> None:
    signal.signal(signal.SIGTERM, _stop)
    _print_address(app, settings)  # only now may those who read it connect
    try:
        server.run()
    finally:
        server.task_dispatcher.shutdown(timeout=30)
        app.worker.stop()
        for sender in senders:
            sender.stop()
        app.database.close()
        click.echo("Lungwise has stopped.")


def _stop(_signal: int, _frame: object) -> None:
    sys.exit(0)


def _print_address(app: Lungwise, settings: Settings) -> None:
    address = on_this_computer(settings)
    click.echo(f"For other devices: {for_other_devices(settings)}")
    click.echo(f"Lungwise listens at {address}")
    if _is_empty(app, settings):
        click.echo(f"Nobody has an account yet: open {address}welcome and begin with the code {setup_code(settings)}")
    else:
        click.echo("Sign in with your e-mail address and password.")


def _is_empty(app: Lungwise, settings: Settings) -> bool:
    with app.database.reading() as session:
        return CommandServices(session, settings).accounts.is_empty()
