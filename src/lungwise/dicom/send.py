"""Sending: result objects go to archives by C-STORE, from a queue that survives whatever stops the process."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from pydicom.dataset import Dataset
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]
from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.jobs.deliveries import ClaimedDelivery, Dispatches
from lungwise.jobs.worker import SingleJobWorker
from lungwise.results.result import IMPLEMENTATION_NAME, IMPLEMENTATION_UID
from lungwise.settings import Settings
from lungwise.store import Clock, Database

_log = logging.getLogger("lungwise.send")
_FIND = StudyRootQueryRetrieveInformationModelFind
_ANSWER_SECONDS = 30
"""How long an archive has for each answer."""

_DUPLICATE = 0x0111
"""The archive has an object of this UID: what it acknowledged before a crash here is told so when it comes again."""
_SHOWN = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "ContentDate", "ContentTime")
"""What an archive may say of an object that it is asked for; the time is that of the reading."""

Objects = Callable[[Session, ClaimedDelivery], Sequence[Dataset]]
"""Makes the objects of a delivery."""


@dataclass(frozen=True, slots=True)
class Destination:
    """An archive's address, written AE@host:port."""

    title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Read AE@host:port."""
        found = re.fullmatch(r"(.+)@(.+):(\d+)", text)
        if found is None:
            raise ValueError(f"{text} is not a destination. Write it as AE@host:port.")
        return cls(found[1], found[2], int(found[3]))


@dataclass(slots=True)
class Delivery:
    """What an archive acknowledged, why it did not acknowledge all, and whether it could not be spoken to at all."""

    accepted: list[str] = field(default_factory=list)
    error: str = ""
    away: bool = False


class Archives:
    """Sends objects in the name of this installation's AE title."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def title(self) -> str:
        """The name that archives know this installation by."""
        return self._settings.node_ae_title

    def deliver(
        self, destination: Destination, objects: Sequence[Dataset], acknowledged: Callable[[str], None]
    ) -> Delivery:
        """Send objects over one association; each acknowledgement is passed on before the next object goes."""
        entity = AE(self.title)
        entity.implementation_class_uid, entity.implementation_version_name = IMPLEMENTATION_UID, IMPLEMENTATION_NAME
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = (
            _ANSWER_SECONDS
        )
        kinds = dict.fromkeys((item.SOPClassUID, item.file_meta.TransferSyntaxUID) for item in objects)
        association = entity.associate(
            destination.host,
            destination.port,
            contexts=[*(build_context(kind, syntax) for kind, syntax in kinds), build_context(_FIND)],
            ae_title=destination.title,
            tls_args=self._tls(destination),
        )
        if not association.is_established:
            why = "rejects this association" if association.is_rejected else "cannot be reached"
            return Delivery(error=f"{destination.title} {why}", away=True)
        try:
            return _send_each(association, destination.title, objects, acknowledged)
        finally:
            association.release()

    def _tls(self, destination: Destination) -> tuple[ssl.SSLContext, str] | None:
        if self._settings.send_tls_ca is None:
            return None
        context = ssl.create_default_context(cafile=str(self._settings.send_tls_ca))
        if self._settings.node_tls_certificate is not None:
            context.load_cert_chain(self._settings.node_tls_certificate, self._settings.node_tls_key)
        return context, destination.host


def _send_each(
    association: Association, title: str, objects: Sequence[Dataset], acknowledged: Callable[[str], None]
) -> Delivery:
    delivery = Delivery()
    for item in objects:
        if error := _send_one(association, title, item):
            delivery.error = error
        else:
            acknowledged(str(item.SOPInstanceUID))
            delivery.accepted.append(str(item.SOPInstanceUID))
    return delivery


def _send_one(association: Association, title: str, item: Dataset) -> str:
    """Send one object, and return why the archive does not have it; nothing where it does."""
    kind = item.SOPClassUID.name
    try:
        status = association.send_c_store(item).get("Status")
    except (RuntimeError, ValueError) as error:  # the association is gone, or takes no such object
        return f"{title} takes no {kind} ({type(error).__name__})"
    if _is_kept(status) or (status == _DUPLICATE and _has(association, item)):
        return ""
    if status == _DUPLICATE:
        return f"{title} has another {kind} under this UID, or does not show which: look for it there"
    answer = "does not answer" if status is None else f"answers {status:04X}"
    return f"{title} {answer} to {kind}"


def _is_kept(status: int | None) -> bool:
    """Return whether an archive has an object, perhaps with a warning."""
    return status is not None and (status == 0 or status & 0xF000 == 0xB000)


def _has(association: Association, item: Dataset) -> bool:
    """Ask an archive whether the object that it has under a UID is this one."""
    if not any(context.abstract_syntax == _FIND for context in association.accepted_contexts):
        return False
    query = Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    for name in _SHOWN:
        setattr(query, name, "")
    query.StudyInstanceUID, query.SeriesInstanceUID = item.StudyInstanceUID, item.SeriesInstanceUID
    query.SOPInstanceUID = item.SOPInstanceUID
    try:
        found = [one for _status, one in association.send_c_find(query, _FIND) if one is not None]
    except (RuntimeError, ValueError):  # the association is gone
        return False
    return any(_is_same(one, item) for one in found)


def _is_same(shown: Dataset, item: Dataset) -> bool:
    if shown.get("SOPInstanceUID") != item.SOPInstanceUID:
        return False
    texts = {name: str(shown.get(name) or "") for name in _SHOWN}
    return all(not text or text == str(item.get(name) or "") for name, text in texts.items())


class Sender(SingleJobWorker[Dispatches, ClaimedDelivery, str]):
    """Sends what is queued; `work_all` yields the error of each delivery, empty where all arrived."""

    def __init__(self, database: Database, clock: Clock, objects: Objects, archives: Archives) -> None:
        super().__init__(database, "sender")
        self._clock = clock
        self._objects = objects
        self._archives = archives

    def queue(self, session: Session) -> Dispatches:
        """Open the queue over a session."""
        return Dispatches(session, self._clock)

    def claim(self, queue: Dispatches) -> ClaimedDelivery | None:
        """Claim the next delivery."""
        return queue.claim()

    def do(self, job: ClaimedDelivery) -> str:
        """Send the results of a film, and return the error."""
        delivery = self._delivered(job)
        with self._database.writing() as session:
            if delivery.error:
                self.queue(session).fail(job, delivery.error, away=delivery.away)
            else:
                self.queue(session).finish(job)
            if delivery.accepted:
                node = Person(None, self._archives.title, job.clinic_id, Role.NODE)
                host = Destination.parse(job.destination).host
                AuditTrail(session, self._clock, host[:45]).record(node, Action.SENT, Subject.FILM, job.film)
        if delivery.error:
            _log.warning("Results wait: %s.", delivery.error)
        else:
            _log.info("Results are sent to %s.", job.destination)
        return delivery.error

    def _delivered(self, job: ClaimedDelivery) -> Delivery:
        try:
            with self._database.reading() as session:
                objects = self._objects(session, job)
            left = [item for item in objects if str(item.SOPInstanceUID) not in job.accepted]
            if not left:
                return Delivery()
            return self._archives.deliver(Destination.parse(job.destination), left, partial(self._accept, job))
        except Exception as error:  # whatever one film does, the others are sent
            _log.exception("Dispatch %d failed.", job.job)
            return Delivery(error=f"a fault on our side ({type(error).__name__})")

    def _accept(self, job: ClaimedDelivery, instance: str) -> None:
        self._write(lambda dispatches: dispatches.accept(job, instance))
