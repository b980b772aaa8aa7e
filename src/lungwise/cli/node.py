"""`lungwise node`: films by DICOM."""

from __future__ import annotations

import logging
import signal
import threading
from datetime import tzinfo
from typing import Any

import click
from sqlalchemy.orm import Session

from lungwise import logs
from lungwise.access import Person, Role
from lungwise.allocator import collect_rarely, give_memory_back, loading
from lungwise.cli import bootstrap
from lungwise.cli.bootstrap import (
    CommandServices,
    make_report_sender,
    make_sender,
    note_model,
    open_database,
    read_settings,
)
from lungwise.cli.errors import one_line_errors
from lungwise.jobs.reading_worker import ReadingWorker
from lungwise.jobs.worker import Worker
from lungwise.receiving.priors import PriorLimits, PriorReceiver
from lungwise.receiving.receiver import FilmReceiver
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, utc_now
from lungwise.wiring import Wiring


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; by default the setting `node_port`.")
@one_line_errors
def node(port: int | None) -> None:
    """Take films by DICOM and read them, until stopped."""
    with loading():
        from lungwise.dicom.accession_finder import AccessionFinder  # here: pynetdicom is slow to load
        from lungwise.dicom.commitment_reporter import CommitmentReporter
        from lungwise.dicom.commitment_scp import CommitmentScp, OpenAssociations
        from lungwise.dicom.node import Node
        from lungwise.dicom.prior_fetcher import PriorFetcher
        from lungwise.dicom.rejection_trail import RejectionTrail
        from lungwise.dicom.worklist_scp import WorklistScp

    settings = read_settings(**({} if port is None else {"node_port": port}))
    give_memory_back()
    logs.configure(settings.log_format, settings.log_level)
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # it writes a traceback for every broken PDU
    with open_database(settings) as database:
        note_model(database, settings)
        store = FilmStore(settings)
        worker = ReadingWorker(settings, database, store, utc_now, bootstrap.make_reader, settings.own_readers)
        archives = make_sender(database, settings) if settings.send_to_list else None
        workers: list[Worker[Any]] = [one for one in (archives, make_report_sender(database, settings)) if one]
        wiring = Wiring(settings, store)
        receive = wiring.receive(database, worker.wake)
        person = _person(database, settings)
        rejections = RejectionTrail(database, utc_now, person)
        associations = OpenAssociations()
        commitment = CommitmentScp(database, utc_now, person.clinic_id, associations)
        reporter = CommitmentReporter(database, utc_now, settings, store, associations)

        def zone_over(session: Session) -> tzinfo:
            return wiring.over(session).zone_of(person.clinic_id)

        worklist = WorklistScp(
            database, person, lambda session, address: wiring.over(session, address).scheduled_orders, zone_over
        )
        priors = PriorReceiver(receive, person, PriorLimits.of(settings))
        if settings.priors_from:
            workers.append(PriorFetcher(database, utc_now, settings, person, priors, zone_over))
        if settings.worklist_from:
            workers.append(AccessionFinder(database, utc_now, settings, person, wiring.found_accessions))
        served = Node(
            settings,
            FilmReceiver(receive, person),
            rejections.note,
            commitment,
            worklist if settings.node_worklist else None,
            priors,
        )
        collect_rarely()
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _signal, _frame: stop.set())
        port = served.start()
        worker.start()
        rejections.start()
        reporter.start()
        for one in workers:
            one.start()
        click.echo(f"The node {settings.node_ae_title} takes films at {settings.node_host}:{port}")
        stop.wait()
        served.stop()
        rejections.stop()
        reporter.stop()
        worker.stop()
        for one in workers:
            one.stop()
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
