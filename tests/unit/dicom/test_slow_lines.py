from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import SecondaryCaptureImageStorage
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made on import
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from archive_peer import Archive
from dicom_files import dicom_bytes, film_dataset
from lungwise.dicom import outgoing
from lungwise.dicom.archives import Archives
from lungwise.dicom.outgoing import Destination, Outgoing
from slow_line import slow_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

    from lungwise.settings import Settings

GET = StudyRootQueryRetrieveInformationModelGet
SECONDS = 4
"""How long a peer has for an answer, in these tests."""
RATE = 400_000


def large_object() -> Dataset:
    """An object that takes longer than an answer may."""
    words = np.zeros((1500, 2000), np.uint8)
    item = film_dataset(words, SOPClassUID=SecondaryCaptureImageStorage, Modality="OT")
    item.StudyInstanceUID, item.SeriesInstanceUID = "1.2", "1.2.1"
    dicom_bytes(item)
    assert words.nbytes / RATE > 1.5 * SECONDS
    return item


@pytest.fixture(autouse=True)
def _little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "_ANSWER_SECONDS", SECONDS)


@pytest.mark.parametrize("largest_pdu", [0, 16382])
def test_an_object_arrives_however_slow_the_line(settings: Settings, largest_pdu: int) -> None:
    archive, item = Archive(), large_object()
    archive.entity.maximum_pdu_size = largest_pdu
    archive.answers[SecondaryCaptureImageStorage] = 0x0000
    with slow_line(archive.destination.port, RATE) as port:
        delivery = Archives(settings).deliver(
            Destination("ARCHIVE", "127.0.0.1", port), [item], lambda: True, lambda _uid: None
        )
    archive.entity.shutdown()
    assert (delivery.error, delivery.accepted) == ("", [item.SOPInstanceUID])


def test_an_object_comes_however_slow_the_line(settings: Settings) -> None:
    item, got = large_object(), list[Any]()

    def give(_event: evt.Event) -> Iterator[Any]:
        yield 1
        yield 0xFF00, item

    def keep(event: evt.Event) -> int:
        got.append(event.dataset.SOPInstanceUID)
        return 0x0000

    entity = AE("ARCHIVE")
    entity.add_supported_context(GET)
    entity.add_supported_context(SecondaryCaptureImageStorage, scu_role=True, scp_role=True)
    handlers: list[Any] = [(evt.EVT_C_GET, give)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    asked = AE()
    asked.add_requested_context(GET)
    asked.add_requested_context(SecondaryCaptureImageStorage)
    roles = [build_role(SecondaryCaptureImageStorage, scp_role=True)]
    with slow_line(server.server_address[1], RATE) as port:
        association = Outgoing(settings).associate(
            Destination("ARCHIVE", "127.0.0.1", port), asked.requested_contexts, roles, [(evt.EVT_C_STORE, keep)]
        )
        assert association.is_established
        query = film_dataset(np.zeros((1, 1), np.uint8))
        statuses = [status.get("Status") for status, _identifier in association.send_c_get(query, GET)]
        association.release()
    entity.shutdown()
    assert (statuses, got) == ([0xFF00, 0x0000], [item.SOPInstanceUID])


def test_a_peer_that_does_not_answer_is_given_up_as_before(settings: Settings) -> None:
    def sleep(_event: evt.Event) -> int:
        time.sleep(2 * SECONDS)
        return 0x0000

    entity = AE("ARCHIVE")
    entity.add_supported_context(Verification)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, sleep)])
    assert server is not None
    asked = AE()
    asked.add_requested_context(Verification)
    association = Outgoing(settings).associate(
        Destination("ARCHIVE", "127.0.0.1", server.server_address[1]), asked.requested_contexts
    )
    began = time.monotonic()
    assert "Status" not in association.send_c_echo()
    assert SECONDS <= time.monotonic() - began < 2 * SECONDS
    entity.shutdown()
