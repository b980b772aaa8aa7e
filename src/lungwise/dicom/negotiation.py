"""What the node does as an association begins and when it fails: a place, the syntaxes, and a line in the log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final, cast

from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from lungwise.dicom.limits import BoundedSocket, peer
from lungwise.metrics import ASSOCIATIONS_ABORTED, ASSOCIATIONS_REJECTED

_log = logging.getLogger("lungwise.node")
_TOO_MANY: Final = (2, 3, 2)
_REASONS: Final = {
    (1, 1, 2): "it wants another application context",
    (1, 1, 3): "its AE title is not listed in node_callers",
    (1, 1, 7): "it calls another AE title",
    _TOO_MANY: "there are as many associations as may be",
}
_LOOK_SECONDS = 0.05


class Places:
    """The associations that may be open at once; who comes when all are taken waits a while.

    Parameters
    ----------
    count
        How many there are.
    wait_seconds
        How long one waits at most.
    """

    def __init__(self, count: int, wait_seconds: float) -> None:
        self._count = count
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._taken: set[threading.Thread] = set()

    def take(self, association: threading.Thread) -> bool:
        """Take a place until an association's thread ends; return whether there was one in time."""
        end = time.monotonic() + self._wait_seconds
        while not self._taken_by(association):
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def _taken_by(self, association: threading.Thread) -> bool:
        with self._lock:
            self._taken = {one for one in self._taken if one.is_alive()}
            if len(self._taken) >= self._count:
                return False
            self._taken.add(association)
            return True


class Negotiation:
    """Answers requests for associations."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def begin(self, event: evt.Event) -> None:
        """Give an association a place and let it have the syntaxes that it would like best, or reject it."""
        association = event.assoc
        if self._places.take(association):
            _as_proposed(association)
        else:
            association.acse.send_reject(*_TOO_MANY)
            evt.trigger(association, evt.EVT_REJECTED, {})
            association.kill()


def log_rejected(event: evt.Event) -> None:
    """Say who is rejected, and why."""
    answer = cast(A_ASSOCIATE, event.assoc.acceptor.primitive)
    numbers = (answer.result, answer.result_source, answer.diagnostic)
    reason = _REASONS.get(numbers, "no reason is given")  # type: ignore[arg-type]  # numbers that are missing are none
    _log.warning("%s: the association is rejected: %s.", _who(event.assoc), reason)
    ASSOCIATIONS_REJECTED.labels(reason).inc()


def log_aborted(event: evt.Event) -> None:
    """Say whose association is aborted, and by whom; of the node's own aborts a line before says why."""
    own = event.assoc._sent_abort or cast(BoundedSocket, event.assoc.dul.socket).is_cut_off
    by = "node" if own else "peer"
    _log.warning("%s: the association is aborted by the %s.", _who(event.assoc), by)
    ASSOCIATIONS_ABORTED.labels(by).inc()


def _who(association: Association) -> str:
    """Name a peer, as its request does where the association has not begun."""
    request = association.requestor.primitive
    if request is not None and not association.requestor.ae_title.strip():
        association.requestor.ae_title = request.calling_ae_title or ""
    return peer(association)


def _as_proposed(association: Association) -> None:
    """Leave of each context's syntaxes the first that we read: a peer proposes first what it has (PS3.8, 9.3.2.2)."""
    known = {context.abstract_syntax: context.transfer_syntax for context in association.acceptor.supported_contexts}
    request = cast(A_ASSOCIATE, association.requestor.primitive)
    for context in request.presentation_context_definition_list:
        _choose(context, known.get(context.abstract_syntax) or ())


def _choose(context: PresentationContext, known: Sequence[UID]) -> None:
    first = next((syntax for syntax in context.transfer_syntax if syntax in known), None)
    if first is not None:
        context.transfer_syntax = [first]
