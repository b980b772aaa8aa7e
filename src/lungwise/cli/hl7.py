"""`lungwise hl7`: messages of hospital systems by HL7 v2."""

from __future__ import annotations

import logging

import click
from sqlalchemy.orm import Session

from lungwise import logs
from lungwise.allocator import collect_rarely, give_memory_back
from lungwise.cli.bootstrap import open_database
from lungwise.cli.errors import one_line_errors
from lungwise.cli.metrics_server import metrics_option, serve_metrics
from lungwise.cli.parts import run
from lungwise.cli.settings import read_settings
from lungwise.cli.start_errors import listening
from lungwise.hl7.inbox import Inbox
from lungwise.hl7.listener import Listener
from lungwise.hl7.old_messages import OldMessages
from lungwise.hl7.peers import Peer, Peers
from lungwise.hl7.reception import Reception
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, utc_now
from lungwise.wiring import Wiring

_log = logging.getLogger("lungwise.cli")


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; by default the setting `hl7_port`.")
@metrics_option
@one_line_errors
def hl7(port: int | None, metrics_at: tuple[str, int] | None) -> None:
    """Take HL7 v2 messages of hospital systems (MLLP), until stopped."""
    settings = read_settings(**({} if port is None else {"hl7_port": port}))
    give_memory_back()
    logs.configure(settings.log_format, settings.log_level)
    serve_metrics(metrics_at)
    with open_database(settings) as database:
        wiring = Wiring(settings, FilmStore(settings))
        peers = _peers(wiring, database, settings)
        warn_of_unbound(peers)

        def inbox_over(session: Session, address: str) -> Inbox:
            return wiring.over(session, address).inbox

        reception = Reception(database, utc_now, peers, inbox_over, settings.hl7_character_set)
        listener = Listener(settings, reception.answer)
        collect_rarely()
        with listening(settings.hl7_host, settings.hl7_port, "the settings hl7_host and hl7_port"):
            run(
                [listener, OldMessages(database, inbox_over)],
                lambda: click.echo(f"HL7 messages are taken at {settings.hl7_host}:{listener.port}"),
            )
    click.echo("HL7 messages are taken no more.")


def _peers(wiring: Wiring, database: Database, settings: Settings) -> Peers:
    """Return whose messages are taken, or say which clinic there is not."""
    if not settings.hl7_peers_map:
        raise click.ClickException(
            "Set LUNGWISE_HL7_PEERS to the systems whose messages are taken, as APPLICATION@FACILITY=Clinic"
        )
    with database.reading() as session:
        clinics = {clinic.name: clinic.id for clinic in wiring.over(session).clinics.all()}
    unknown = [name for name in settings.hl7_peers_map.values() if name not in clinics]
    if unknown:
        raise click.ClickException(
            f"There is no clinic {unknown[0]}. Name in LUNGWISE_HL7_PEERS one of: {', '.join(clinics) or '(none yet)'}"
        )
    return Peers(
        systems={
            sender: Peer(
                clinic=clinics[name],
                certificates=settings.hl7_certificates_of(sender),
                networks=settings.hl7_networks_of(sender),
            )
            for sender, name in settings.hl7_peers_map.items()
        }
    )


def warn_of_unbound(peers: Peers) -> None:
    """Say in the log which systems any other may claim to be, where that opens another clinic to it."""
    if len({system.clinic for system in peers.systems.values()}) < 2:
        return
    for sender, system in peers.systems.items():
        if not system.certificates and not system.networks:
            _log.warning(
                "%s is bound to no certificate and no address: whoever may connect can send as it, for its clinic. "
                "Set hl7_peer_certificates or hl7_peer_addresses.",
                "@".join(sender),
            )
