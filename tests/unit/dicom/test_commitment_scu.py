"""An archive that is asked to confirm what it keeps, by a sender with a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage
from pynetdicom import AE, evt
from pynetdicom.association import Association

from archive_peer import OBJECTS, Archive, an_object
from lungwise.dicom.archives import Archives
from lungwise.dicom.commitment import PUSH_MODEL, WELL_KNOWN, Answer, Request
from lungwise.dicom.commitment_scp import CommitmentScp, OpenAssociations
from lungwise.dicom.node import Node
from lungwise.dicom.send import Sender
from lungwise.jobs.unsent import Unsent, Why
from lungwise.receiving.receiver import Kept
from lungwise.store import Database
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.models import Study
from lungwise.studies.report_changes import ReportChanges
from queued_results import queued_study

if TYPE_CHECKING:
    from conftest import Services

SENT = ["1.2.1", "1.2.2", "1.2.3"]
NEW = "1.2.4"


class Keeper(Archive):
    """An archive that takes requests for storage commitment, and is told what to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.answers[SecondaryCaptureImageStorage] = 0x0000
        self.asked: list[Request] = []
        self.asks: Callable[[], object] | None = None
        self.entity.add_supported_context(PUSH_MODEL)
        server = self.entity._servers[0]
        server.contexts = self.entity.supported_contexts
        server.bind(evt.EVT_N_ACTION, self._ask)

    def _ask(self, event: evt.Event) -> tuple[int, None]:
        self.asked.append(Request.read(event.action_information))
        if self.asks:
            asks, self.asks = self.asks, None
            asks()
        return 0x0000, None

    def answer(self, port: int, *failed: str, title: str = "ARCHIVE") -> int:
        """Tell the node what is kept of the last request, and return its status."""
        request = self.asked[-1]
        lost = {one: 0x0112 for one in request.references if one.instance in failed}
        kept = [one for one in request.references if one not in lost]
        answer = Answer(transaction_uid=request.transaction_uid, kept=kept, failed=lost)
        association = _associate(title, port)
        status, _reply = association.send_n_event_report(answer.as_dataset(), answer.event_type, PUSH_MODEL, WELL_KNOWN)
        association.release()
        return int(status.Status)


def _associate(title: str, port: int) -> Association:
    from pynetdicom import build_role

    entity = AE(title)
    entity.add_requested_context(PUSH_MODEL)
    association = entity.associate(
        "127.0.0.1", port, ae_title="LUNGWISE", ext_neg=[build_role(PUSH_MODEL, scp_role=True)]
    )
    assert association.is_established
    return association


class TakesNone:
    """Gets no film."""

    def accept(self, _arrival: Any, _address: str) -> Kept:
        raise AssertionError


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    keeper = Keeper()
    yield keeper
    keeper.entity.shutdown()


class Sending:
    """A sender of one study's results, and the node that hears what the archive confirms."""

    def __init__(self, services: Services, keeper: Keeper) -> None:
        self.services, self.person = services, services.person()
        queued_study(services, self.person, [keeper.name], StudyInstanceUID="1.2.3")
        services.session.commit()
        services.clock.forward(seconds=3)
        changed = {"send_to": keeper.name, "send_commitment": "ARCHIVE", "node_port": 0}
        settings = services.settings.model_copy(update=changed)
        self.database = Database(settings)
        self.sender = Sender(self.database, services.clock, self._objects, Archives(settings))
        scp = CommitmentScp(self.database, services.clock, self.person.clinic_id, OpenAssociations())
        self.node = Node(settings, TakesNone(), commitment=scp)
        self.port = self.node.start()
        self.destination = keeper.name
        self.objects = list(OBJECTS)

    def _objects(self, *_delivery: object) -> list[Dataset]:
        return self.objects

    def change_report(self) -> None:
        """Let somebody change what the report says: there is one object more then."""
        with self.database.writing() as session:
            ReportChanges(session, self.services.clock).of_study(session.query(Study).one())
        self.objects = [*OBJECTS, an_object(SecondaryCaptureImageStorage, NEW, Modality="OT")]

    def work(self) -> list[str]:
        return list(self.sender.work_all())

    def state(self) -> tuple[str, list[str]]:
        with self.database.reading() as session:
            dispatch = session.query(Dispatch).one()
            return dispatch.state, dispatch.committed or []

    def why(self) -> Why:
        with self.database.reading() as session:
            return Unsent(session, self.services.clock, [self.destination]).of_all()[0].state


@pytest.fixture
def sending(services: Services, keeper: Keeper) -> Iterator[Sending]:
    sending = Sending(services, keeper)
    yield sending
    sending.node.stop()
    sending.database.close()


def test_results_count_as_sent_once_the_archive_has_confirmed_them(sending: Sending, keeper: Keeper) -> None:
    assert sending.work() == ["ARCHIVE has not confirmed yet that it keeps 3 objects"]
    assert [one.instance for one in keeper.asked[0].references] == keeper.got == SENT
    assert (sending.state(), sending.why()) == (("queued", []), Why.NOT_CONFIRMED)
    assert keeper.answer(sending.port, title="STRANGER") == 0x0112
    assert sending.state() == ("queued", [])
    assert keeper.answer(sending.port) == 0
    assert sending.work() == [""]
    assert sending.state() == ("sent", SENT)
    assert keeper.answer(sending.port) == 0x0112  # it was asked that once
    assert keeper.got == SENT and len(keeper.asked) == 1


def test_what_the_archive_does_not_keep_is_sent_again(sending: Sending, keeper: Keeper) -> None:
    sending.work()
    assert keeper.answer(sending.port, "1.2.2") == 0
    assert sending.work() == []
    sending.services.clock.forward(minutes=1)
    assert sending.work() == ["ARCHIVE has not confirmed yet that it keeps 1 objects"]
    assert keeper.got == [*SENT, "1.2.2"]
    assert [one.instance for one in keeper.asked[1].references] == ["1.2.2"]
    keeper.answer(sending.port)
    assert sending.work() == [""]
    assert sending.state() == ("sent", SENT)


def test_an_archive_that_does_not_answer_is_asked_again_and_then_sent_everything_again(
    sending: Sending, keeper: Keeper
) -> None:
    for asked in range(1, 5):
        sending.work()
        assert len(keeper.asked) == asked
        assert keeper.got == (SENT if asked < 4 else SENT * 2)
        assert sending.work() == []
        sending.services.clock.forward(minutes=60)
    assert len({one.transaction_uid for one in keeper.asked}) == 4
    keeper.asked = keeper.asked[:2]
    assert keeper.answer(sending.port) == 0  # late, and still an answer
    assert sending.work() == [""]


def test_a_report_that_changes_while_its_archive_has_not_confirmed_the_last_is_sent_at_once(
    sending: Sending, keeper: Keeper
) -> None:
    sending.work()
    assert sending.work() == []  # it waits for what the archive says
    sending.change_report()
    assert sending.why() == Why.WAITING
    assert sending.work() == ["ARCHIVE has not confirmed yet that it keeps 4 objects"]
    assert keeper.got == [*SENT, NEW]
    keeper.answer(sending.port)
    assert sending.work() == [""]
    assert sending.state() == ("sent", [*SENT, NEW])


def test_a_report_that_changes_while_its_archive_is_asked_is_sent_at_once(sending: Sending, keeper: Keeper) -> None:
    keeper.asks = sending.change_report
    assert sending.work() == [f"ARCHIVE has not confirmed yet that it keeps {number} objects" for number in (3, 4)]
    assert keeper.got == [*SENT, NEW]


def test_reports_that_change_often_are_not_sent_again_whole(sending: Sending, keeper: Keeper) -> None:
    for _ in range(5):
        sending.work()
        sending.change_report()
    sending.work()
    assert keeper.got == [*SENT, NEW]


def test_an_archive_that_offers_no_commitment_is_said_to(services: Services) -> None:
    archive = Archive()
    archive.answers[SecondaryCaptureImageStorage] = 0x0000
    sending = Sending(services, archive)  # type: ignore[arg-type]
    assert sending.work() == ["ARCHIVE does not offer storage commitment (setting send_commitment)"]
    assert sending.state() == ("queued", [])
    sending.node.stop()
    sending.database.close()
    archive.entity.shutdown()
