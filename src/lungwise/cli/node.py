"""`lungwise node`: films by DICOM."""

from __future__ import annotations

import logging

import click

from lungwise import logs
from lungwise.access import Person, Role
from lungwise.allocator import collect_rarely, give_memory_back, loading
from lungwise.cli.bootstrap import CommandServices, note_model, open_database, warn_of_unknown_clinics
from lungwise.cli.errors import one_line_errors
from lungwise.cli.metrics_server import metrics_option, serve_metrics
from lungwise.cli.parts import run
from lungwise.cli.settings import read_settings
from lungwise.cli.start_errors import listening
from lungwise.settings import Settings
from lungwise.store import Database


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; by default the setting `node_port`.")
@metrics_option
@one_line_errors
def node(port: int | None, metrics_at: tuple[str, int] | None) -> None:
    """Take films by DICOM and read them, until stopped."""
    with loading():
        from lungwise.cli.node_parts import node_parts

    settings = read_settings(**({} if port is None else {"node_port": port}))
    give_memory_back()
    logs.configure(settings.log_format, settings.log_level)
    serve_metrics(metrics_at)
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # it writes a traceback for every broken PDU
    with open_database(settings) as database:
        note_model(database, settings)
        warn_of_unknown_clinics(database, settings)
        served, others = node_parts(settings, database, _person(database, settings))
        collect_rarely()
        name, host = settings.node_ae_title, settings.node_host
        with listening(host, settings.node_port, "the settings node_host and node_port"):
            run([served, *others], lambda: click.echo(f"The node {name} takes films at {host}:{served.port}"))
    click.echo("The node has stopped.")


def _person(database: Database, settings: Settings) -> Person:
    """Return the node as a person of its clinic."""
    with database.reading() as session:
        clinics = {clinic.name: clinic.id for clinic in CommandServices(session, settings).accounts.clinics()}
    name = settings.node_clinic or (next(iter(clinics)) if len(clinics) == 1 else "")
    if name not in clinics:
        raise click.ClickException(
            f"There is no clinic {name}. Set LUNGWISE_NODE_CLINIC to one of: {', '.join(clinics) or '(none yet)'}"
            if name
            else "Set LUNGWISE_NODE_CLINIC to the clinic that the films belong to: there is none, or more than one."
        )
    return Person(None, settings.node_ae_title, clinics[name], Role.NODE)
