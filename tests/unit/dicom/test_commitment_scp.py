"""The node as a peer sees it that asks, and that goes on sending while it waits for the report."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.association import Association

from dicom_files import dicom_bytes, film_dataset
from lungwise.dicom.commitment import PUSH_MODEL, WELL_KNOWN, Request
from lungwise.dicom.commitment_reporter import CommitmentReporter
from lungwise.dicom.commitment_scp import CommitmentScp, OpenAssociations
from lungwise.dicom.node import Node
from lungwise.jobs.commitment_reports import CommitmentReports
from lungwise.metrics import REPORTS_GIVEN_UP
from lungwise.receiving.receiver import Kept
from lungwise.store import Database
from lungwise.studies.commitment_models import CommitmentReport, Reference
from moving_clinics import close
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.receiving.uploads import ReceivedInstance

UNKNOWN = Request(transaction_uid="1.9", references=[Reference(DigitalXRayImageStorageForPresentation, "1.2.4")])


class TakesAll:
    """Keeps what it gets."""

    def accept(self, arrival: ReceivedInstance, address: str) -> Kept:
        return Kept.NEW


class Asking:
    """A modality that asks, and notes what it is told."""

    def __init__(self, services: Services, commitment_to: str = "") -> None:
        self.told: list[tuple[int, Dataset]] = []
        self.answered = threading.Event()
        self.services, self.database = services, Database(services.settings)
        changed = {"node_port": 0, "node_idle_seconds": 30, "node_commitment_to": commitment_to}
        settings = services.settings.model_copy(update=changed)
        associations = OpenAssociations()
        clinic = services.person().clinic_id
        services.session.commit()
        scp = CommitmentScp(self.database, services.clock, clinic, associations)
        self.node = Node(settings, TakesAll(), commitment=scp)
        self.reporter = CommitmentReporter(
            self.database, services.clock, settings, services.store, clinic, associations
        )

    @contextmanager
    def associated(self) -> Iterator[Association]:
        entity = AE("CR1")
        entity.add_requested_context(DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian)
        entity.add_requested_context(PUSH_MODEL)
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self.hear)]
        port = self.node.start()
        association = entity.associate("127.0.0.1", port, ae_title="LUNGWISE", evt_handlers=handlers)
        assert association.is_established
        try:
            yield association
        finally:
            association.abort()
            self.node.stop()

    def hear(self, event: evt.Event) -> tuple[int, None]:
        self.told.append((event.event_type or 0, event.event_information))
        self.answered.set()
        return 0x0000, None

    def reports(self) -> list[str]:
        self.services.clock.forward(seconds=1)
        return list(self.reporter.work_all())

    def waiting(self) -> int:
        with self.database.reading() as session:
            return session.query(CommitmentReport).count()


def ask(association: Association, request: Request, action: int = 1, instance: str = WELL_KNOWN) -> int:
    status, _reply = association.send_n_action(request.as_dataset(), action, PUSH_MODEL, instance)
    return int(status.Status)


def test_a_report_goes_back_by_the_association_of_the_request_while_films_go_on_coming(services: Services) -> None:
    asking = Asking(services)
    film = film_dataset(chest_bytes(), StudyInstanceUID="1.2.3")
    dicom_bytes(film)
    with asking.associated() as association:
        assert ask(association, UNKNOWN) == 0
        assert asking.waiting() == 1
        reporting = threading.Thread(target=asking.reports)
        reporting.start()
        assert association.send_c_store(film).Status == 0
        reporting.join(30)
        assert asking.answered.wait(30)
        kind, report = asking.told[0]
        assert (kind, report.TransactionUID) == (2, "1.9")
        assert [one.FailureReason for one in report.FailedSOPSequence] == [0x0112]
        assert asking.waiting() == 0
        assert association.send_c_store(film).Status == 0
    asking.database.close()


def test_a_report_waits_for_a_peer_that_has_gone_and_has_no_address(services: Services) -> None:
    asking = Asking(services)
    with asking.associated() as association:
        assert ask(association, UNKNOWN) == 0
    assert asking.reports() == ["CR1 has ended its association, and has no address in node_commitment_to"]
    assert asking.waiting() == 1
    asking.database.close()


def test_a_report_that_another_node_has_claimed_is_not_told(services: Services) -> None:
    asking = Asking(services)
    with asking.associated() as association:
        assert ask(association, UNKNOWN) == 0
        asking.services.clock.forward(seconds=1)
        slept = asking.database.transact(lambda session: asking.reporter.queue(session).claim())
        assert slept is not None
        asking.services.clock.forward(minutes=6)
        assert asking.database.transact(lambda session: asking.reporter.queue(session).claim()) is not None
        assert asking.reporter.do(slept) is None
        assert asking.told == []
    asking.database.close()


def test_a_report_that_is_given_up_is_counted(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CommitmentReports, "max_attempts", 1)
    asking, before = Asking(services), REPORTS_GIVEN_UP._value.get()
    with asking.associated() as association:
        assert ask(association, UNKNOWN) == 0
    assert len(asking.reports()) == 1
    assert (asking.waiting(), REPORTS_GIVEN_UP._value.get()) == (0, before + 1)
    asking.database.close()


@pytest.mark.parametrize(
    ("request_", "action", "instance", "status"),
    [
        (UNKNOWN, 2, WELL_KNOWN, 0x0123),
        (UNKNOWN, 1, "1.2.3", 0x0112),
        (Request(transaction_uid="1.9", references=[]), 1, WELL_KNOWN, 0x0115),
    ],
)
def test_what_is_not_a_request_is_answered_with_why(
    services: Services, request_: Request, action: int, instance: str, status: int
) -> None:
    asking = Asking(services)
    with asking.associated() as association:
        assert ask(association, request_, action, instance) == status
        assert association.is_established
    assert asking.waiting() == 0
    asking.database.close()


def test_a_clinic_that_moves_promises_nothing(services: Services) -> None:
    asking = Asking(services)
    close(asking.database)
    with asking.associated() as association:
        assert ask(association, UNKNOWN) == 0x0213
    assert asking.waiting() == 0
    asking.database.close()
