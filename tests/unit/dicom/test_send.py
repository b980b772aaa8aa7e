from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage
from sqlalchemy.orm import Session

from archive_peer import OBJECTS, Archive
from lungwise.audit.models import AuditEntry
from lungwise.dicom.archives import Archives
from lungwise.dicom.send import Sender
from lungwise.jobs.deliveries import ClaimedDelivery, Dispatches
from lungwise.settings.destinations import Destinations
from lungwise.store import Database
from lungwise.studies.dispatch_models import Dispatch
from queued_results import queued_study

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.settings import Settings


@pytest.fixture
def archive() -> Iterator[Archive]:
    archive = Archive()
    yield archive
    archive.entity.shutdown()


def queued(services: Services, destination: str) -> str:
    """Queue the results of a study, and give its key."""
    study = queued_study(services, services.person(), [destination], StudyInstanceUID="1.2.3")
    services.session.commit()
    services.clock.forward(seconds=3)
    return study.key


def sending_to(services: Services, archive: Archive) -> Settings:
    return services.settings.model_copy(update={"send_to": archive.name})


def test_only_what_the_archive_does_not_have_is_sent_again(services: Services, archive: Archive) -> None:
    study, database = queued(services, archive.name), Database(services.settings)

    def objects(_session: Session, delivery: ClaimedDelivery) -> Sequence[Dataset]:
        assert delivery.study == study
        return OBJECTS

    sender = Sender(database, services.clock, objects, Archives(sending_to(services, archive)))
    assert list(sender.work_all()) == ["ARCHIVE answers A700 to Secondary Capture Image Storage"]
    assert list(sender.work_all()) == []
    archive.answers[SecondaryCaptureImageStorage] = 0x0000
    services.clock.forward(minutes=1)
    assert list(sender.work_all()) == [""]
    assert archive.got == ["1.2.1", "1.2.2", "1.2.3", "1.2.3"]
    with database.reading() as session:
        assert session.query(Dispatch).one().accepted == ["1.2.1", "1.2.2", "1.2.3"]
        entries = session.query(AuditEntry).filter_by(action="sent", subject_key=study).all()
        assert [(entry.person_name, entry.address) for entry in entries] == [("LUNGWISE", "127.0.0.1")] * 2
    database.close()


def test_an_acknowledgement_is_kept_before_the_next_object_goes(services: Services, archive: Archive) -> None:
    """A sender that is killed sends nothing again but what it has no answer for."""
    queued(services, archive.name)
    database, kept = Database(services.settings), []

    def look() -> None:
        with database.reading() as session:
            kept.append(list(session.query(Dispatch).one().accepted))

    archive.looks = look
    list(
        Sender(database, services.clock, lambda *_delivery: OBJECTS, Archives(sending_to(services, archive))).work_all()
    )
    assert kept == [[], ["1.2.1"], ["1.2.1", "1.2.2"]]
    database.close()


@pytest.mark.parametrize("got", [[], ["1.2.1"]])
def test_nothing_more_goes_once_another_process_sends_it(got: list[str], services: Services, archive: Archive) -> None:
    """This machine has slept for longer than its lease, before the first object or after it."""
    queued(services, archive.name)
    database = Database(services.settings)

    def claimed_by_another() -> None:
        with database.writing() as session:
            session.query(Dispatch).update({"claim": "another"})

    def objects(_session: Session, _delivery: ClaimedDelivery) -> Sequence[Dataset]:
        if not got:
            claimed_by_another()
        return OBJECTS

    archive.looks = claimed_by_another
    sender = Sender(database, services.clock, objects, Archives(sending_to(services, archive)))
    assert list(sender.work_all()) == ["they were cancelled, or another process sends them"]
    with database.reading() as session:
        left = session.query(Dispatch).one()
        assert (archive.got, left.accepted, left.claim, left.state) == (got, got, "another", "sending")
        assert session.query(AuditEntry).filter_by(action="sent").count() == len(got)
    database.close()


def test_a_fault_in_making_the_objects_leaves_them_queued(services: Services, archive: Archive) -> None:
    queued(services, archive.name)
    database = Database(services.settings)

    def objects(_session: Session, _delivery: ClaimedDelivery) -> Sequence[Dataset]:
        raise OSError("the disk is away")

    assert list(Sender(database, services.clock, objects, Archives(sending_to(services, archive))).work_all()) == [
        "a fault on our side (OSError)"
    ]
    with database.reading() as session:
        assert [line.state for line in Dispatches(session, services.clock).unsent()] == ["queued"]
    database.close()


def test_results_of_another_clinic_do_not_go_to_an_archive(services: Services, archive: Archive) -> None:
    """They were queued before the settings said whose archive it is."""
    queued(services, archive.name)
    own = {"Valley": Destinations(send_to=archive.name)}
    settings = services.settings.model_copy(update={"clinic_destinations": own})
    database = Database(services.settings)
    sender = Sender(database, services.clock, lambda *_delivery: OBJECTS, Archives(settings))
    assert list(sender.work_all()) == ["the settings send results of this clinic elsewhere"]
    assert archive.got == []
    with database.reading() as session:
        assert [line.state for line in Dispatches(session, services.clock).unsent()] == ["failed"]
    database.close()
