"""The parts of `lungwise node`. pynetdicom is slow to load, and only this module of the command line's needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import tzinfo

from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.cli import bootstrap
from lungwise.cli.bootstrap import make_sender, report_senders
from lungwise.cli.parts import Part
from lungwise.dicom.accession_finder import AccessionFinder
from lungwise.dicom.commitment_reporter import CommitmentReporter
from lungwise.dicom.commitment_scp import CommitmentScp, OpenAssociations
from lungwise.dicom.node import Node
from lungwise.dicom.prior_archive import DimseArchive
from lungwise.dicom.prior_fetcher import PriorFetcher
from lungwise.dicom.rejection_trail import RejectionTrail
from lungwise.dicom.worklist_scp import WorklistScp
from lungwise.jobs.reading_worker import ReadingWorker
from lungwise.outgoing.dicomweb_archive import DicomwebArchive
from lungwise.receiving.priors import PriorLimits, PriorReceiver
from lungwise.receiving.receiver import FilmReceiver
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, utc_now
from lungwise.wiring import Wiring


def node_parts(settings: Settings, database: Database, node: Person) -> tuple[Node, list[Part]]:
    """Make what listens, and all that works beside it."""
    store = FilmStore(settings)
    wiring = Wiring(settings, store)
    worker = ReadingWorker(settings, database, store, utc_now, bootstrap.make_reader, settings.own_readers)
    receive = wiring.receive(database, worker.wake)
    rejections = RejectionTrail(database, utc_now, node)
    associations = OpenAssociations()
    reporter = CommitmentReporter(database, utc_now, settings, store, node.clinic_id, associations)
    priors = PriorReceiver(receive, node, PriorLimits.of(settings))
    served = Node(
        settings,
        FilmReceiver(receive, node),
        rejections.note,
        CommitmentScp(database, utc_now, node.clinic_id, associations),
        _worklist(wiring, database, node) if settings.node_worklist else None,
        priors if _asks_for_moves(settings) else None,
    )
    return served, [rejections, reporter, worker, *_callers(wiring, database, node, priors)]


def _worklist(wiring: Wiring, database: Database, node: Person) -> WorklistScp:
    return WorklistScp(
        database,
        node,
        lambda session, address: wiring.over(session, address).scheduled_orders,
        _zone_over(wiring, node),
    )


def _callers(wiring: Wiring, database: Database, node: Person, priors: PriorReceiver) -> Iterator[Part]:
    """Make what begins associations and connections of its own, as far as the settings name anyone."""
    settings, zone_over = wiring.settings, _zone_over(wiring, node)
    if settings.all_send_to:
        yield make_sender(database, settings)
    yield from report_senders(database, settings)
    if settings.priors_from:
        archive = DicomwebArchive if _is_dicomweb(settings) else DimseArchive
        yield PriorFetcher(database, utc_now, settings, node, archive(settings, priors), zone_over)
    if settings.worklist_from:
        yield AccessionFinder(database, utc_now, settings, node, wiring.found_accessions)


def _asks_for_moves(settings: Settings) -> bool:
    """Return whether the node asks an archive for C-MOVE: else what has it as Move Originator is a film like others."""
    return bool(settings.priors_from) and not _is_dicomweb(settings) and settings.priors_by == "C-MOVE"


def _is_dicomweb(settings: Settings) -> bool:
    return "://" in settings.priors_from


def _zone_over(wiring: Wiring, node: Person) -> Callable[[Session], tzinfo]:
    """Return what tells over a session the time zone of the clinic of the node."""
    return lambda session: wiring.over(session).zone_of(node.clinic_id)
