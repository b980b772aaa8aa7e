"""Peers that do not come to an end: pynetdicom's, made to answer on and on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, dsutils, evt, service_class
from pynetdicom.sop_class import ModalityWorklistInformationFind  # type: ignore[attr-defined]  # made on import

from lungwise.dicom import queries
from lungwise.dicom.outgoing import Destination, Outgoing
from lungwise.dicom.queries import PeerError, associated, find
from lungwise.dicom.worklist_query import query_of

if TYPE_CHECKING:
    from lungwise.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
# pynetdicom's socket of a peer that has gone is shut down, fails at that, and is left to the collector to close.

WORKLIST = ModalityWorklistInformationFind


class Peer:
    """A worklist that says so often that there is something, and how many of that were asked for."""

    def __init__(self, answers: Iterator[int], pause: float = 0) -> None:
        self.answers, self.pause = answers, pause
        self.entity = AE("RIS")
        self.entity.add_supported_context(WORKLIST)
        server = self.entity.start_server(("127.0.0.1", 0), False, evt_handlers=[(evt.EVT_C_FIND, self._find)])
        assert server is not None
        self.destination = Destination("RIS", "127.0.0.1", server.server_address[1])

    def _find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        for number in self.answers:
            if not event.assoc.is_established:
                return
            answer = Dataset()
            answer.PatientID, answer.AccessionNumber = "P1", f"A{number}"
            time.sleep(self.pause)
            yield 0xFF00, answer
        yield 0x0000, None


def asked(settings: Settings, peer: Peer, most: int) -> list[Dataset]:
    try:
        with associated(Outgoing(settings), peer.destination, WORKLIST) as association:
            return find(association, query_of("P1"), WORKLIST, most)
    finally:
        peer.entity.shutdown()


def test_of_many_answers_the_first_are_given(settings: Settings) -> None:
    found = asked(settings, Peer(iter(range(1000))), 3)
    assert [one.AccessionNumber for one in found] == ["A0", "A1", "A2"]


def test_where_one_answer_cannot_be_read_the_others_are_not_taken_for_all(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dsutils.encode
    sent = count()

    def encode(*given: Any) -> bytes | None:
        return (
            whole(*given) if next(sent) == 0 else b"\x40\x00\x00\x01\xff\xff\xff\xffAAAAAAAA"
        )  # a sequence of no items

    monkeypatch.setattr(service_class, "encode", encode)
    with pytest.raises(PeerError, match="RIS sends an answer that cannot be read"):
        asked(settings, Peer(iter(range(2))), 3)


@pytest.mark.parametrize("pause", [0, 0.2])
def test_a_peer_that_answers_without_end_is_cut_off(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    monkeypatch.setattr(queries, "_FIND_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(PeerError, match="RIS does not come to an end of its answers"):
        asked(settings, Peer(count(), pause), 3)
    assert time.monotonic() - began < 30
