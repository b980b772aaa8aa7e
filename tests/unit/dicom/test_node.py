from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from dicom_files import dicom_bytes, film_dataset
from lungwise.dicom.node import Node
from lungwise.errors import Rejected
from lungwise.receiving.receiver import Kept
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from lungwise.receiving.uploads import ReceivedInstance
    from lungwise.settings import Settings

IDLE = 5


class SlowReception:
    """Takes longer over its first film than a peer may be silent, as a tired disk does."""

    def __init__(self) -> None:
        self._first = True

    def accept(self, arrival: ReceivedInstance, address: str) -> Kept:
        """Accept a film, the first one at last."""
        if self._first:
            time.sleep(IDLE + 1)
        self._first = False
        return Kept.NEW


class FullReception:
    """Has no room."""

    def accept(self, arrival: ReceivedInstance, address: str) -> Kept:
        """Accept nothing."""
        raise Rejected("There are too many films for one study.")


@contextmanager
def associated(node: Node) -> Iterator[Association]:
    entity = AE("CR1")
    entity.add_requested_context(DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian)
    entity.dimse_timeout = entity.network_timeout = entity.acse_timeout = 240
    association = entity.associate("127.0.0.1", node.start(), ae_title="LUNGWISE")
    assert association.is_established
    try:
        yield association
    finally:
        association.abort()
        node.stop()


@pytest.fixture
def film() -> Dataset:
    film = film_dataset(chest_bytes(), StudyInstanceUID="1.2.3")
    dicom_bytes(film)
    return film


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"node_port": 0, "node_idle_seconds": IDLE})


def test_a_peer_is_not_silent_while_it_waits_for_an_answer(settings: Settings, film: Dataset) -> None:
    with associated(Node(settings, SlowReception())) as association:
        assert [association.send_c_store(film).Status for _ in range(2)] == [0, 0]


def test_what_cannot_be_kept_is_said_and_the_association_goes_on(settings: Settings, film: Dataset) -> None:
    with associated(Node(settings, FullReception())) as association:
        answers = [association.send_c_store(film) for _ in range(2)]
        assert [answer.Status for answer in answers] == [0xA700, 0xA700]
        assert answers[0].ErrorComment == "cannot be kept now; send it again"
