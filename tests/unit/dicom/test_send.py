from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from sqlalchemy.orm import Session

from dicom_files import dicom_bytes, dicom_file, film_dataset
from lungwise.audit.models import AuditEntry
from lungwise.dicom.send import _FIND, Archives, Delivery, Destination, Sender
from lungwise.jobs.deliveries import ClaimedDelivery, Dispatches
from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Verdict
from lungwise.store import Database
from lungwise.studies.models import Dispatch, ReadingRecord
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.settings import Settings

ANSWERS = {
    DigitalXRayImageStorageForPresentation: 0x0000,
    ComputedRadiographyImageStorage: 0xB000,  # kept, with a warning
    SecondaryCaptureImageStorage: 0xA700,
}


class Archive:
    """A peer that answers by the kind of object, and notes what it was sent."""

    def __init__(self, *, answers_questions: bool = True) -> None:
        self.shown: dict[str, str] | None = None
        self.answers = dict(ANSWERS)
        self.got: list[str] = []
        self.acknowledged: list[str] = []
        self.looks: Callable[[], object] = lambda: None
        self.entity = AE("ARCHIVE")
        self.entity.require_called_aet = True
        for kind in ANSWERS:
            self.entity.add_supported_context(kind, ExplicitVRLittleEndian)
        if answers_questions:
            self.entity.add_supported_context(_FIND)
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store), (evt.EVT_C_FIND, self._find)]
        server = self.entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        assert server is not None
        self.destination = Destination("ARCHIVE", "127.0.0.1", server.server_address[1])

    @property
    def name(self) -> str:
        return f"ARCHIVE@127.0.0.1:{self.destination.port}"

    def _find(self, _event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        if self.shown is not None:
            found = Dataset()
            for name, value in self.shown.items():
                setattr(found, name, value)
            yield 0xFF00, found

    def _store(self, event: evt.Event) -> int:
        request = cast(C_STORE, event.request)
        self.got.append(str(request.AffectedSOPInstanceUID))
        self.looks()
        return self.answers[UID(str(request.AffectedSOPClassUID))]


@pytest.fixture
def archive() -> Iterator[Archive]:
    archive = Archive()
    yield archive
    archive.entity.shutdown()


def an_object(kind: str, instance: str, **more: str) -> Dataset:
    item = film_dataset(chest_bytes(), SOPClassUID=kind, SOPInstanceUID=instance, **more)
    item.StudyInstanceUID = more.get("StudyInstanceUID", "1.2")
    item.SeriesInstanceUID = more.get("SeriesInstanceUID", "1.2.1")
    dicom_bytes(item)
    return item


OBJECTS = [an_object(kind, f"1.2.{number}") for number, kind in enumerate(ANSWERS, start=1)]


def test_a_destination_is_a_title_a_host_and_a_port() -> None:
    assert Destination.parse("PACS@archive.example.org:104") == Destination("PACS", "archive.example.org", 104)
    assert Destination.parse("PACS@::1:104") == Destination("PACS", "::1", 104)
    with pytest.raises(ValueError, match="AE@host:port"):
        Destination.parse("archive.example.org")


def test_what_the_archive_keeps_is_accepted_and_what_it_does_not_is_said(settings: Settings, archive: Archive) -> None:
    delivery = Archives(settings).deliver(archive.destination, OBJECTS, archive.acknowledged.append)
    assert delivery.accepted == ["1.2.1", "1.2.2"]
    assert archive.acknowledged == delivery.accepted
    assert delivery.error == "ARCHIVE answers A700 to Secondary Capture Image Storage"
    assert archive.got == ["1.2.1", "1.2.2", "1.2.3"]


def test_an_object_that_the_archive_does_not_know_keeps_the_others_from_nothing(
    settings: Settings, archive: Archive
) -> None:
    objects = [an_object(CTImageStorage, "1.2.9"), OBJECTS[0]]
    delivery = Archives(settings).deliver(archive.destination, objects, archive.acknowledged.append)
    assert delivery.accepted == ["1.2.1"]
    assert "takes no CT Image Storage" in delivery.error


def test_an_archive_of_another_name_rejects(settings: Settings, archive: Archive) -> None:
    other = Destination("OTHER", "127.0.0.1", archive.destination.port)
    delivery = Archives(settings).deliver(other, OBJECTS, archive.acknowledged.append)
    assert delivery == Delivery([], "OTHER rejects this association", away=True)


@pytest.mark.parametrize(
    ("shown", "is_kept"),
    [
        ({}, True),
        ({"PatientID": "P1", "ContentDate": ""}, True),
        ({"SeriesInstanceUID": "1.2.99"}, False),
        ({"PatientID": "P2"}, False),
        ({"ContentTime": "120000"}, False),
        (None, False),
    ],
)
def test_an_object_that_the_archive_has_already_counts_where_it_is_this_one(
    settings: Settings, archive: Archive, shown: dict[str, str] | None, is_kept: bool
) -> None:
    item = an_object(
        SecondaryCaptureImageStorage, "1.2.3", ContentTime="110000", PatientID="P1", SeriesInstanceUID="1.2"
    )
    item.StudyInstanceUID = "1.2.4"
    archive.answers[SecondaryCaptureImageStorage] = 0x0111  # Duplicate SOP Instance: PS3.7, C.5.9
    archive.shown = None if shown is None else {"SOPInstanceUID": "1.2.3", "StudyInstanceUID": "1.2.4", **shown}
    delivery = Archives(settings).deliver(archive.destination, [item], archive.acknowledged.append)
    assert delivery.accepted == archive.acknowledged == (["1.2.3"] if is_kept else [])
    assert ("under this UID" in delivery.error) != is_kept


def test_an_archive_that_cannot_be_asked_has_not_taken_what_it_has_already(settings: Settings) -> None:
    archive = Archive(answers_questions=False)
    archive.answers[SecondaryCaptureImageStorage] = 0x0111
    delivery = Archives(settings).deliver(archive.destination, OBJECTS, archive.acknowledged.append)
    archive.entity.shutdown()
    assert delivery.accepted == ["1.2.1", "1.2.2"]
    assert delivery.error == (
        "ARCHIVE has another Secondary Capture Image Storage under this UID, or does not show which: look for it there"
    )


def queued(services: Services, destination: str) -> str:
    """Queue the results of a film, and give its key."""
    data = dicom_file(chest_bytes(), StudyInstanceUID="1.2.3")
    study = services.studies.open(services.person(), PatientFacts(), [("film", data)])
    record = ReadingRecord(
        model="synthetic",
        version="1",
        created_at=services.clock(),
        verdict=Verdict.NEGATIVE,
        appearance={},
        findings={},
    )
    study.films[0].readings.append(record)
    services.session.flush()
    Dispatches(services.session, services.clock).queue(record, [destination])
    services.session.commit()
    return study.films[0].key


def test_only_what_the_archive_does_not_have_is_sent_again(services: Services, archive: Archive) -> None:
    film, database = queued(services, archive.name), Database(services.settings)

    def objects(_session: Session, delivery: ClaimedDelivery) -> Sequence[Dataset]:
        assert delivery.film == film
        return OBJECTS

    sender = Sender(database, services.clock, objects, Archives(services.settings))
    assert list(sender.work_all()) == ["ARCHIVE answers A700 to Secondary Capture Image Storage"]
    assert list(sender.work_all()) == []
    archive.answers[SecondaryCaptureImageStorage] = 0x0000
    services.clock.forward(minutes=1)
    assert list(sender.work_all()) == [""]
    assert archive.got == ["1.2.1", "1.2.2", "1.2.3", "1.2.3"]
    with database.reading() as session:
        assert session.query(Dispatch).one().accepted == ["1.2.1", "1.2.2", "1.2.3"]
        entries = session.query(AuditEntry).filter_by(action="sent", subject_key=film).all()
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
    list(Sender(database, services.clock, lambda *_delivery: OBJECTS, Archives(services.settings)).work_all())
    assert kept == [[], ["1.2.1"], ["1.2.1", "1.2.2"]]
    database.close()


def test_a_fault_in_making_the_objects_leaves_them_queued(services: Services, archive: Archive) -> None:
    queued(services, archive.name)
    database = Database(services.settings)

    def objects(_session: Session, _delivery: ClaimedDelivery) -> Sequence[Dataset]:
        raise OSError("the disk is away")

    assert list(Sender(database, services.clock, objects, Archives(services.settings)).work_all()) == [
        "a fault on our side (OSError)"
    ]
    with database.reading() as session:
        assert [line.state for line in Dispatches(session, services.clock).unsent()] == ["queued"]
    database.close()
