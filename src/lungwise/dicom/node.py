"""The DICOM node: takes films from X-ray machines and archives by C-STORE, and says which of them are safe."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol, cast

from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made on import

from lungwise.dicom.commitment import PUSH_MODEL
from lungwise.dicom.limits import LARGEST_PDU, MOST_WAITING, BoundedServer, peer
from lungwise.dicom.negotiation import Negotiation, Places, log_aborted, log_rejected
from lungwise.dicom.storage import CANNOT_STORE, OBJECT_CLASSES, STORAGE_CLASSES, Receiver
from lungwise.dicom.worklist_scp import WORKLIST
from lungwise.films import Refusal
from lungwise.films.dicom.pixel_data import TRANSFER_SYNTAXES
from lungwise.receiving.receiver import Kept
from lungwise.receiving.uploads import read_instance
from lungwise.results.result import IMPLEMENTATION_NAME, IMPLEMENTATION_UID
from lungwise.settings import Settings
from lungwise.store import answer_of
from lungwise.tls import server_context

_log = logging.getLogger("lungwise.node")
_UNCOMPRESSED = [
    ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian,
]  # fmt: skip
_STORED_AT_ONCE = 2
"""Objects that are copied, hashed and written at once; the others wait as they came."""
_SUCCESS, _KEPT_ASIDE, _OUT_OF_RESOURCES, _NOT_AS_ANNOUNCED, _NOT_UNDERSTOOD = 0x0000, 0xB000, 0xA700, 0xA900, 0xC000
"""`_KEPT_ASIDE` is a warning: the object is safe, but under a UID that another one has."""


class Handlers(Protocol):
    """What answers the requests of one service: storage commitment, or the worklist."""

    @property
    def handlers(self) -> list[evt.EventHandlerType]:
        """What is done on their events."""
        ...


class Node:
    """An SCP of storage, verification and storage commitment, and of the modality worklist where it is given one.

    It answers success once the film is on disk and in the database.

    Parameters
    ----------
    settings
        Those of the node: its AE title, address, port, limits, peers and TLS files.
    receiver
        Keeps each object; called from several threads.
    rejected
        Told of each association that is rejected.
    commitment
        Answers what peers ask and report about storage commitment.
    worklist
        Answers what peers ask of the worklist; without it the node has none.
    priors
        Keeps what comes because the node asked for it by C-MOVE.
    """

    name = "node"
    port = 0
    """Where it listens; 0 until it does."""

    def __init__(
        self,
        settings: Settings,
        receiver: Receiver,
        rejected: Callable[[evt.Event], None] = lambda _event: None,
        commitment: Handlers | None = None,
        worklist: Handlers | None = None,
        priors: Receiver | None = None,
    ) -> None:
        self._priors = priors
        self._rejected = rejected
        self._services = [one for one in (commitment, worklist) if one]
        self._settings = settings
        self._receiver = receiver
        self._slots = threading.Semaphore(_STORED_AT_ONCE)
        self._ae = _entity(settings)
        if worklist:
            self._ae.add_supported_context(WORKLIST, _UNCOMPRESSED)
        self._negotiation = Negotiation(Places(settings.node_associations, settings.node_wait_seconds))
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Listen, and return the port.

        Raises
        ------
        OSError
            If the port is in use, or a certificate cannot be read.
        """
        server = BoundedServer(
            self._ae,
            (self._settings.node_host, self._settings.node_port),
            [
                (evt.EVT_REQUESTED, self._negotiation.begin),
                (evt.EVT_C_ECHO, _echo),
                (evt.EVT_C_STORE, self._store),
                (evt.EVT_REJECTED, log_rejected),
                (evt.EVT_REJECTED, self._rejected),
                (evt.EVT_ABORTED, log_aborted),
                *(handler for service in self._services for handler in service.handlers),
            ],
            largest_object=self._settings.node_megabytes << 20,
            timeout_seconds=self._settings.node_idle_seconds,
            tls=server_context(
                self._settings.node_tls_certificate, self._settings.node_tls_key, self._settings.node_tls_client_ca
            ),
        )
        self._ae._servers.append(server)  # as AE.start_server does, which takes no server of one's own
        self._thread = threading.Thread(target=server.serve_forever, name=self.name, daemon=True)
        self._thread.start()
        self.port = int(server.server_address[1])
        return self.port

    @property
    def is_alive(self) -> bool:
        """Whether it takes associations."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Abort what is open and stop listening; what was not acknowledged will be sent again."""
        if self.is_alive:  # it waits for what listens, also where that never began
            self._ae.shutdown()

    def _store(self, event: evt.Event) -> int | Dataset:
        with self._slots:
            return self._kept(event)

    def _receiver_of(self, event: evt.Event) -> Receiver:
        """Return what keeps an object: what the node itself asked an archive to send is an earlier film."""
        asked_by = cast(C_STORE, event.request).MoveOriginatorApplicationEntityTitle
        is_asked_for = bool(asked_by) and str(asked_by).strip() == self._settings.node_ae_title
        return self._priors if is_asked_for and self._priors is not None else self._receiver

    def _kept(self, event: evt.Event) -> int | Dataset:
        who, announced = peer(event.assoc), cast(C_STORE, event.request).AffectedSOPInstanceUID
        try:
            instance = read_instance(event.encoded_dataset(), event.assoc.requestor.ae_title.strip())
            if instance.film.uids.instance != announced:
                _log.warning("%s: an object is rejected: it is not the one that was announced", who)
                return _status(_NOT_AS_ANNOUNCED, "SOP Instance UID differs from the announced one")
            kept = self._receiver_of(event).accept(instance, event.assoc.requestor.address)
        except Refusal as refusal:
            _log.warning("%s: an object is rejected: %s", who, refusal.reason)
            return _status(_NOT_UNDERSTOOD, refusal.code)
        except CANNOT_STORE as error:
            why = answer_of(error) or type(error).__name__
            _log.error("%s: an object cannot be kept: %s", who, why, exc_info=error)
            return _status(_OUT_OF_RESOURCES, "cannot be kept now; send it again")
        _log.info("%s: an object is %s: %s.", who, kept, announced)
        if kept is Kept.HELD:
            return _status(_KEPT_ASIDE, "kept aside: the UID is known with other content")
        return _SUCCESS


def _entity(settings: Settings) -> AE:
    entity = AE(settings.node_ae_title)
    entity.implementation_class_uid, entity.implementation_version_name = IMPLEMENTATION_UID, IMPLEMENTATION_NAME
    entity.require_called_aet = True
    entity.require_calling_aet = settings.node_callers_list
    entity.maximum_associations = settings.node_associations + MOST_WAITING
    entity.maximum_pdu_size = LARGEST_PDU
    entity.network_timeout = entity.acse_timeout = settings.node_idle_seconds
    entity.dimse_timeout = settings.node_idle_seconds
    entity.add_supported_context(Verification)
    entity.add_supported_context(PUSH_MODEL, _UNCOMPRESSED, scu_role=True, scp_role=True)
    for storage in STORAGE_CLASSES:
        entity.add_supported_context(storage, sorted(TRANSFER_SYNTAXES))
    for storage in OBJECT_CLASSES:
        entity.add_supported_context(storage, _UNCOMPRESSED)
    return entity


def _echo(event: evt.Event) -> int:
    _log.info("%s: C-ECHO.", peer(event.assoc))
    return _SUCCESS


def _status(status: int, comment: str) -> Dataset:
    answer = Dataset()
    answer.Status = status
    answer.ErrorComment = comment[:64]
    return answer
