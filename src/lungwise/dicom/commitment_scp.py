"""Storage commitment as the node's peers see it: it takes their requests, and archives' answers to its own."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any, cast

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_ACTION
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.audit.closed_clinics import CLOSED, is_closed
from lungwise.dicom.commitment import REQUEST, WELL_KNOWN, Answer, Request
from lungwise.dicom.limits import peer
from lungwise.errors import ClinicClosed
from lungwise.jobs.commitment_reports import AnotherRequestError, CommitmentReports, TooManyReportsError
from lungwise.jobs.deliveries import Dispatches
from lungwise.store import Clock, Database, new_key

_log = logging.getLogger("lungwise.node")
_SUCCESS, _PROCESSING_FAILURE, _NO_SUCH_INSTANCE, _INVALID_VALUE = 0x0000, 0x0110, 0x0112, 0x0115
_NO_SUCH_ACTION, _DUPLICATE_INVOCATION, _RESOURCE_LIMITATION = 0x0123, 0x0210, 0x0213

OpenAssociation = tuple[Association, int]
"""An association and the presentation context that a request came by."""


class OpenAssociations:
    """The associations by which a request came, as long as they last: a report may go back the same way.

    `key` names them among those of other processes.
    """

    def __init__(self) -> None:
        self.key = new_key()
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], tuple[weakref.ref[Association], int]] = {}

    def note(self, title: str, transaction_uid: str, association: Association, context: int) -> None:
        """Keep by which association a request came."""
        with self._lock:
            self._open = {key: one for key, one in self._open.items() if _is_open(one[0]())}
            self._open[(title, transaction_uid)] = (weakref.ref(association), context)

    def take(self, title: str, transaction_uid: str) -> OpenAssociation | None:
        """Return the association of a request, if it is still open."""
        with self._lock:
            found = self._open.pop((title, transaction_uid), None)
        association = found[0]() if found else None
        return (association, found[1]) if found and association is not None and _is_open(association) else None


class CommitmentScp:
    """Answers N-ACTION once the request is in the database, and N-EVENT-REPORT once the answer is."""

    def __init__(self, database: Database, clock: Clock, clinic_id: int, associations: OpenAssociations) -> None:
        self._database = database
        self._clock = clock
        self._clinic_id = clinic_id
        self._associations = associations

    @property
    def handlers(self) -> list[evt.EventHandlerType]:
        """What is done on the events of an association."""
        return [(evt.EVT_N_ACTION, self._asked), (evt.EVT_N_EVENT_REPORT, report_handler(self._database, self._clock))]

    def _asked(self, event: evt.Event) -> tuple[int, Dataset | None]:
        asked = cast(N_ACTION, event.request)
        if event.action_type != REQUEST:
            return _NO_SUCH_ACTION, None
        if asked.RequestedSOPInstanceUID != WELL_KNOWN:
            return _NO_SUCH_INSTANCE, None
        return _answered(event, lambda: self._queue(event)), None

    def _queue(self, event: evt.Event) -> int:
        request, title = Request.read(event.action_information), event.assoc.requestor.ae_title.strip()
        self._associations.note(title, request.transaction_uid, event.assoc, event.context.context_id)

        def queue(session: Session) -> None:
            if is_closed(session, self._clinic_id):  # whoever asks again is told by the installation that it moves to
                raise ClinicClosed(CLOSED)
            reports = CommitmentReports(session, self._clock, self._clinic_id, self._associations.key)
            reports.queue(title, request.transaction_uid, request.references)

        self._database.transact(queue)
        _log.info("%s: asks whether %d objects are safe.", peer(event.assoc), len(request.references))
        return _SUCCESS


def report_handler(
    database: Database, clock: Clock, told: Callable[[], None] = lambda: None
) -> Callable[[evt.Event], tuple[int, Dataset | None]]:
    """Return what keeps an archive's answer, however it comes; `told` is called then."""

    def keep(event: evt.Event) -> int:
        answer, title = Answer.read(event.event_information), _archive(event.assoc)
        kept = [one.instance for one in answer.kept]
        failed = {one.instance: reason for one, reason in answer.failed.items()}
        is_ours = database.transact(
            lambda session: Dispatches(session, clock).confirm(title, answer.transaction_uid, kept, failed)
        )
        told()
        if not is_ours:
            _log.warning("%s: reports on a storage commitment that it was not asked for.", title)
            return _NO_SUCH_INSTANCE
        _log.info("%s: confirms %d objects, and %d not.", title, len(kept), len(failed))
        return _SUCCESS

    def handle(event: evt.Event) -> tuple[int, Any]:
        return _answered(event, lambda: keep(event)), None

    return handle


def _answered(event: evt.Event, answer: Callable[[], int]) -> int:
    try:
        return answer()
    except AnotherRequestError:
        return _DUPLICATE_INVOCATION
    except (SQLAlchemyError, TooManyReportsError, ClinicClosed) as error:
        _log.error("%s: storage commitment is not answered now: %s", peer(event.assoc), type(error).__name__)
        return _RESOURCE_LIMITATION
    except Exception as error:  # hostile bytes can raise anything
        _log.warning("%s: storage commitment is not understood: %s", peer(event.assoc), error)
        return _INVALID_VALUE


def _archive(association: Association) -> str:
    """Return the AE title of who reports: of an association of ours it is the one that was called."""
    user = association.acceptor if association.is_requestor else association.requestor
    return str(user.ae_title).strip()


def _is_open(association: Association | None) -> bool:
    return association is not None and association.is_established
