"""Questions to another system by C-FIND: the association, what it finds, and why it gives nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import build_context
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from lungwise.dicom.outgoing import Destination, Outgoing

SUCCESS = 0x0000
_PENDING = (0xFF00, 0xFF01)
_FIND_SECONDS = 120.0
"""How long a peer has for all that it finds."""


Answer = tuple[Dataset, Dataset | None]
"""A status, and what was found, where it says so."""


class PeerError(Exception):
    """Another system does not give what it is asked for; says why."""


@contextmanager
def associated(
    outgoing: Outgoing,
    peer: Destination,
    model: UID,
    *,
    contexts: Sequence[PresentationContext] = (),
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """Open an association in which a peer can be asked by a model, and release it.

    Raises
    ------
    PeerError
        If there is none, it does not accept the model, or the association ends meanwhile.
    """
    association = outgoing.associate(peer, [build_context(model), *contexts], roles, handlers)
    if not association.is_established:
        if association.is_rejected:
            raise PeerError(f"{peer.title} rejects this association")
        if association.rejected_contexts:
            raise PeerError(f"{peer.title} takes no {model.name}")
        raise PeerError(outgoing.why_away(peer))
    try:
        if all(one.abstract_syntax != model for one in association.accepted_contexts):
            raise PeerError(f"{peer.title} takes no {model.name}")
        yield association
    except (RuntimeError, ValueError) as error:  # the association is gone
        raise PeerError(f"{peer.title} ends the association ({type(error).__name__})") from error
    finally:
        association.release()


def find(association: Association, query: Dataset, model: UID, most: int) -> list[Dataset]:
    """Return what a peer finds, the first of it where it is more than `most`.

    Raises
    ------
    PeerError
        If it does not answer, answers an error or what cannot be read, or does not come to an end.
    """
    found: list[Dataset] = []
    last, is_whole = None, True
    for status, answer in bounded(association, association.send_c_find(query, model), _FIND_SECONDS):
        last = status.get("Status")
        is_whole &= last not in _PENDING or answer is not None
        if answer is not None and len(found) < most:
            found.append(answer)
    if last != SUCCESS:
        answered = "does not answer" if last is None else f"answers {last:04X}"
        raise PeerError(f"{_title(association)} {answered} to C-FIND")
    if not is_whole:  # what was found may not be all
        raise PeerError(f"{_title(association)} sends an answer that cannot be read")
    return found


def bounded(association: Association, answers: Iterator[Answer], seconds: float) -> Iterator[Answer]:
    """Yield a peer's answers to one request. Each has its own time; this bounds all of them together.

    Raises
    ------
    PeerError
        If the last is not there in time. The association is aborted then.
    """
    end = time.monotonic() + seconds
    for answer in answers:
        yield answer
        if time.monotonic() > end and answer[0].get("Status") in _PENDING:
            association.abort()
            raise PeerError(f"{_title(association)} does not come to an end of its answers")


def _title(association: Association) -> str:
    return association.acceptor.ae_title.strip()
