"""Sending: result objects go to archives by C-STORE, from a queue that survives whatever stops the process."""

from __future__ import annotations

import logging
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from pydicom.dataset import Dataset
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.jobs.deliveries import ClaimedDelivery, Dispatches
from lungwise.results.result import IMPLEMENTATION_NAME, IMPLEMENTATION_UID
from lungwise.settings import Settings
from lungwise.store import Clock, Database

_log = logging.getLogger("lungwise.send")
_FIND = StudyRootQueryRetrieveInformationModelFind
_GLANCE = 2.0
"""Seconds between two looks at the queue."""
_PATIENCE = 30
"""Seconds that an archive has for each answer."""

_DUPLICATE = 0x0111
"""The archive has an object of this UID: what it acknowledged before a crash here is told so when it comes again."""
_SHOWN = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "ContentDate", "ContentTime")
"""What an archive may say of an object that it is asked for; the time is that of the reading."""

Objects = Callable[[Session, ClaimedDelivery], Sequence[Dataset]]
"""Makes the objects of an errand."""


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
            raise ValueError(f"{text} is no destination. Write it as AE@host:port.")
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
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = _PATIENCE
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
            return _send_each(association, destination, objects, acknowledged)
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
    association: Association,
    destination: Destination,
    objects: Sequence[Dataset],
    acknowledged: Callable[[str], None],
) -> Delivery:
    delivery = Delivery()
    for item in objects:
        try:
            status = association.send_c_store(item).get("Status")
        except (RuntimeError, ValueError) as error:  # the association is gone, or takes no such object
            delivery.error = f"{destination.title} takes no {item.SOPClassUID.name} ({type(error).__name__})"
            continue
        if _is_kept(status) or (status == _DUPLICATE and _has(association, item)):
            acknowledged(str(item.SOPInstanceUID))
            delivery.accepted.append(str(item.SOPInstanceUID))
        elif status == _DUPLICATE:
            delivery.error = (
                f"{destination.title} has another {item.SOPClassUID.name} under this UID, or does not show which: "
                "look for it there"
            )
        else:
            said = "does not answer" if status is None else f"answers {status:04X}"
            delivery.error = f"{destination.title} {said} to {item.SOPClassUID.name}"
    return delivery


def _is_kept(status: int | None) -> bool:
    """Say whether an archive has an object, perhaps with a warning."""
    return status is not None and (status == 0 or status & 0xF000 == 0xB000)


def _has(association: Association, item: Dataset) -> bool:
    """Ask an archive whether the object that it has under a UID is this one."""
    if not any(context.abstract_syntax == _FIND for context in association.accepted_contexts):
        return False
    asked = Dataset()
    asked.QueryRetrieveLevel = "IMAGE"
    for name in _SHOWN:
        setattr(asked, name, "")
    asked.StudyInstanceUID, asked.SeriesInstanceUID = item.StudyInstanceUID, item.SeriesInstanceUID
    asked.SOPInstanceUID = item.SOPInstanceUID
    try:
        found = [one for _status, one in association.send_c_find(asked, _FIND) if one is not None]
    except (RuntimeError, ValueError):  # the association is gone
        return False
    return any(_is_same(one, item) for one in found)


def _is_same(shown: Dataset, item: Dataset) -> bool:
    if shown.get("SOPInstanceUID") != item.SOPInstanceUID:
        return False
    said = {name: str(shown.get(name) or "") for name in _SHOWN}
    return all(not text or text == str(item.get(name) or "") for name, text in said.items())


class Sender:
    """Works through the queue, in the background or where it is called. Any number may do so at once."""

    def __init__(self, database: Database, clock: Clock, objects: Objects, archives: Archives) -> None:
        self._database = database
        self._clock = clock
        self._objects = objects
        self._archives = archives
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sender", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the dispatch in hand and stop; the rest stays queued."""
        self._stopping.set()
        self._thread.join()

    def send_all(self) -> Iterator[str]:
        """Send what is due in the calling thread; each errand's error comes back, empty where it arrived."""
        while (error := self._send_next()) is not None:
            yield error

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                done = self._send_next()
            except SQLAlchemyError:
                _log.exception("The database cannot be reached; results stay queued until it can.")
                done = None
            if done is None:
                self._stopping.wait(_GLANCE)

    def _send_next(self) -> str | None:
        with self._database.writing() as session:
            errand = Dispatches(session, self._clock).claim()
        if errand is None:
            return None
        delivery = self._delivered(errand)
        with self._database.writing() as session:
            Dispatches(session, self._clock).note(errand, delivery.error, away=delivery.away)
            if delivery.accepted:
                node = Person(None, self._archives.title, errand.clinic_id, Role.NODE)
                host = Destination.parse(errand.destination).host
                AuditTrail(session, self._clock, host[:45]).record(node, Action.SENT, Subject.FILM, errand.film)
        if delivery.error:
            _log.warning("Results wait: %s.", delivery.error)
        else:
            _log.info("Results are sent to %s.", errand.destination)
        return delivery.error

    def _delivered(self, errand: ClaimedDelivery) -> Delivery:
        try:
            with self._database.reading() as session:
                objects = self._objects(session, errand)
            left = [item for item in objects if str(item.SOPInstanceUID) not in errand.accepted]
            if not left:
                return Delivery()
            return self._archives.deliver(Destination.parse(errand.destination), left, partial(self._keep, errand))
        except Exception as error:  # whatever one film does, the others are sent
            _log.exception("Dispatch %d failed.", errand.dispatch)
            return Delivery(error=f"a fault on our side ({type(error).__name__})")

    def _keep(self, errand: ClaimedDelivery, instance: str) -> None:
        with self._database.writing() as session:
            Dispatches(session, self._clock).accept(errand, instance)
