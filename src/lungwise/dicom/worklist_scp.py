"""The modality worklist as the node's peers see it: what they ask for, and the open orders of the node's clinic."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.sop_class import ModalityWorklistInformationFind  # type: ignore[attr-defined]  # made on import
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.dicom.limits import peer
from lungwise.dicom.worklist import answer, read_query
from lungwise.errors import Rejected
from lungwise.orders.scheduled import ScheduledOrders
from lungwise.store import Database

WORKLIST: Final = UID(ModalityWorklistInformationFind)
_log = logging.getLogger("lungwise.node")
_CANCELLED, _PENDING = 0xFE00, 0xFF00
_TOO_MANY, _NOT_UNDERSTOOD, _CANNOT_ANSWER = 0xA700, 0xA900, 0xC001
Answer = tuple[int | Dataset, Dataset | None]


class WorklistScp:
    """Answers C-FIND with the open orders of a clinic.

    Parameters
    ----------
    orders_over
        Makes what finds orders, over a session and for the network address that somebody asks from.
    zone_of
        Returns a clinic's time zone, over a session.
    """

    def __init__(
        self,
        database: Database,
        node: Person,
        orders_over: Callable[[Session, str], ScheduledOrders],
        zone_of: Callable[[Session], tzinfo],
    ) -> None:
        self._database = database
        self._node = node
        self._orders_over = orders_over
        self._zone_of = zone_of

    @property
    def handlers(self) -> list[evt.EventHandlerType]:
        """What is done on the events of an association."""
        return [(evt.EVT_C_FIND, self._asked)]

    def _asked(self, event: evt.Event) -> Iterator[Answer]:
        """Answer with an item for each order, and at last whether these are all."""
        who = peer(event.assoc)
        try:
            items, is_cut = self._found(event)
        except SQLAlchemyError as error:
            _log.error("%s: the worklist cannot be read now: %s", who, type(error).__name__)
            yield _status(_CANNOT_ANSWER, "cannot be answered now; ask again"), None
            return
        except Exception as error:  # hostile bytes can raise anything
            why = str(error) if isinstance(error, Rejected) else "it cannot be read"
            _log.warning("%s: a query of the worklist is rejected: %s", who, why)
            yield _status(_NOT_UNDERSTOOD, why), None
            return
        _log.info("%s: is answered with %d orders.", who, len(items))
        for item in items:
            if event.is_cancelled:
                yield _CANCELLED, None
                return
            yield _PENDING, item
        if is_cut:
            _log.warning("%s: there are more orders than one answer has.", who)
            yield _status(_TOO_MANY, "there are more: ask for a day, a station or a patient"), None

    def _found(self, event: evt.Event) -> tuple[list[Dataset], bool]:
        keys, caller = event.identifier, event.assoc.requestor.ae_title.strip()

        def find(session: Session) -> tuple[list[Dataset], bool]:
            zone = self._zone_of(session)
            orders = self._orders_over(session, event.assoc.requestor.address)
            found = orders.find(self._node, read_query(keys, zone), caller)
            return [answer(one, keys, caller, zone) for one in found.scheduled], found.is_cut

        return self._database.transact(find)


def _status(status: int, comment: str) -> Dataset:
    said = Dataset()
    said.Status = status
    said.ErrorComment = comment.encode("ascii", "replace").decode()[:64]
    return said
