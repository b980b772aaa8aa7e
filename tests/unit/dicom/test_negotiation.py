from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, SecondaryCaptureImageStorage
from pynetdicom import AE, build_context

from lungwise.dicom.negotiation import Places
from lungwise.dicom.node import Node
from lungwise.receiving.receiver import Kept
from lungwise.receiving.uploads import ReceivedInstance
from lungwise.settings import Settings


def asleep(until: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=until.wait, daemon=True)
    thread.start()
    return thread


def test_who_comes_when_all_places_are_taken_waits_for_the_next() -> None:
    first, second = threading.Event(), threading.Event()
    places = Places(1, 30)
    assert places.take(asleep(first))
    threading.Timer(0.1, first.set).start()
    assert places.take(asleep(second)), "the first has gone"
    full = Places(1, 0)
    assert [full.take(asleep(second)) for _ in range(2)] == [True, False]
    second.set()


class Receiver:
    def accept(self, _instance: ReceivedInstance, _address: str) -> Kept:
        return Kept.NEW


@pytest.fixture
def node(settings: Settings) -> Iterator[Callable[..., int]]:
    started: list[Node] = []

    def start(**more: object) -> int:
        own = {"node_port": 0, "node_associations": 1, "node_wait_seconds": 0}
        started.append(Node(settings.model_copy(update=own | more), Receiver()))
        return started[-1].start()

    yield start
    for one in started:
        one.stop()


def test_the_first_syntax_that_is_proposed_is_taken_and_each_failure_has_a_line(
    node: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lungwise.node")
    port, peer = node(), AE("CR1")
    proposals: tuple[list[str | UID], ...] = (
        [ExplicitVRLittleEndian, ImplicitVRLittleEndian],
        [RLELossless, ExplicitVRLittleEndian],
    )
    contexts = [build_context(SecondaryCaptureImageStorage, proposed) for proposed in proposals]
    first = peer.associate("127.0.0.1", port, contexts, ae_title="LUNGWISE")
    assert [context.transfer_syntax[0] for context in first.accepted_contexts] == [one[0] for one in proposals]
    second = peer.associate("127.0.0.1", port, contexts, ae_title="LUNGWISE")
    assert second.is_rejected
    other = peer.associate("127.0.0.1", node(), contexts, ae_title="OTHER")
    assert other.is_rejected
    first.abort()
    first.join(10)
    assert "CR1 at 127.0.0.1: the association is rejected: there are as many associations as may be." in caplog.messages
    assert "CR1 at 127.0.0.1: the association is rejected: it calls another AE title." in caplog.messages
    ended = threading.Event()
    for _ in range(100):
        if "CR1 at 127.0.0.1: the association is aborted by the peer." in caplog.messages:
            break
        ended.wait(0.05)
    assert "CR1 at 127.0.0.1: the association is aborted by the peer." in caplog.messages
