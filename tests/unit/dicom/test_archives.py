from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    CTImageStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from archive_peer import OBJECTS, Archive, an_object
from film_results import FACTS, READ
from lungwise.dicom.archives import Archives, Delivery
from lungwise.dicom.outgoing import Destination
from lungwise.results.result_objects import result_objects

if TYPE_CHECKING:
    from lungwise.settings import Settings


@pytest.fixture
def archive() -> Iterator[Archive]:
    archive = Archive()
    yield archive
    archive.entity.shutdown()


def always() -> bool:
    return True


def test_what_the_archive_keeps_is_accepted_and_what_it_does_not_is_said(settings: Settings, archive: Archive) -> None:
    delivery = Archives(settings).deliver(archive.destination, OBJECTS, always, archive.acknowledged.append)
    assert delivery.accepted == ["1.2.1", "1.2.2"]
    assert archive.acknowledged == delivery.accepted
    assert delivery.error == "ARCHIVE answers A700 to Secondary Capture Image Storage"
    assert archive.got == ["1.2.1", "1.2.2", "1.2.3"]


def test_an_object_that_the_archive_does_not_know_keeps_the_others_from_nothing(
    settings: Settings, archive: Archive
) -> None:
    objects = [an_object(CTImageStorage, "1.2.9"), OBJECTS[0]]
    delivery = Archives(settings).deliver(archive.destination, objects, always, archive.acknowledged.append)
    assert delivery.accepted == ["1.2.1"]
    assert "takes no CT Image Storage" in delivery.error


def test_an_archive_of_another_name_rejects(settings: Settings, archive: Archive) -> None:
    other = Destination("OTHER", "127.0.0.1", archive.destination.port)
    delivery = Archives(settings).deliver(other, OBJECTS, always, archive.acknowledged.append)
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
    delivery = Archives(settings).deliver(archive.destination, [item], always, archive.acknowledged.append)
    assert delivery.accepted == archive.acknowledged == (["1.2.3"] if is_kept else [])
    assert ("under this UID" in delivery.error) != is_kept


def test_an_archive_that_cannot_be_asked_has_not_taken_what_it_has_already(settings: Settings) -> None:
    archive = Archive(answers_questions=False)
    archive.answers[SecondaryCaptureImageStorage] = 0x0111
    delivery = Archives(settings).deliver(archive.destination, OBJECTS, always, archive.acknowledged.append)
    archive.entity.shutdown()
    assert delivery.accepted == ["1.2.1", "1.2.2"]
    assert delivery.error == (
        "ARCHIVE has another Secondary Capture Image Storage under this UID, or does not show which: look for it there"
    )


def test_an_archive_that_knows_the_default_syntax_alone_gets_objects_converted(settings: Settings) -> None:
    archive = Archive(syntax=ImplicitVRLittleEndian)
    archive.answers[SecondaryCaptureImageStorage] = 0x0000
    delivery = Archives(settings).deliver(archive.destination, OBJECTS, always, archive.acknowledged.append)
    archive.entity.shutdown()
    assert (delivery.accepted, delivery.error) == (["1.2.1", "1.2.2", "1.2.3"], "")
    assert [item.PixelData for item in archive.objects] == [item.PixelData for item in OBJECTS]


@pytest.mark.parametrize("kind", [EnhancedSRStorage, BasicTextSRStorage])
def test_an_archive_without_the_reports_class_gets_the_report_in_a_simpler_one(settings: Settings, kind: UID) -> None:
    archive = Archive(kinds=[kind])
    report = result_objects(b"a picture", FACTS, READ, None)[0]
    delivery = Archives(settings).deliver(archive.destination, [report], always, archive.acknowledged.append)
    archive.entity.shutdown()
    assert (delivery.accepted, delivery.error) == ([report.SOPInstanceUID], "")
    got = archive.objects[0]
    assert (got.SOPClassUID, got.StudyInstanceUID) == (kind, report.StudyInstanceUID)
    assert got.SOPInstanceUID != report.SOPInstanceUID and "0.93" in str(got.ContentSequence)


def test_an_archive_gets_the_kinds_that_it_is_set_to_get(settings: Settings, archive: Archive) -> None:
    objects = result_objects(b"a picture", FACTS, READ, b"%PDF")
    for kinds, modalities in ("", ["SR", "DOC"]), ("ARCHIVE=PDF", ["DOC"]), ("OTHER=PDF", ["SR", "DOC"]):
        archives = Archives(settings.model_copy(update={"send_objects": kinds}))
        assert [item.Modality for item in archives.wanted(archive.destination, objects)] == modalities


def test_an_archive_goes_without_outlines_that_it_does_not_take_unless_it_is_set_to_get_them(
    settings: Settings,
) -> None:
    archive = Archive(kinds=[SecondaryCaptureImageStorage], answers_questions=False)
    archive.answers[SecondaryCaptureImageStorage] = 0x0000
    outlines = an_object(GrayscaleSoftcopyPresentationStateStorage, "1.2.8", Modality="PR")
    chosen = settings.model_copy(update={"send_objects": "ARCHIVE=SC+GSPS"})
    refused = "ARCHIVE takes no Grayscale Softcopy Presentation State Storage"
    for set_as, objects, accepted, error in (
        (settings, [OBJECTS[2], outlines], ["1.2.3"], ""),
        (settings, [outlines], [], ""),
        (chosen, [OBJECTS[2], outlines], ["1.2.3"], f"{refused}: it refuses the presentation context"),
        (chosen, [outlines], [], refused),
    ):
        delivery = Archives(set_as).deliver(archive.destination, objects, always, archive.acknowledged.append)
        assert delivery.accepted == accepted
        assert delivery.error.startswith(error) and bool(delivery.error) == bool(error)
    archive.entity.shutdown()


def test_a_segmentation_goes_to_the_archives_that_are_set_to_get_it_and_one_without_its_class_says_so(
    settings: Settings,
) -> None:
    objects = [OBJECTS[2], an_object(SegmentationStorage, "1.2.8", Modality="SEG")]
    chosen = settings.model_copy(update={"send_objects": "ARCHIVE=SC+SEG"})
    for kinds, said in (
        ([SecondaryCaptureImageStorage, SegmentationStorage], ""),
        ([SecondaryCaptureImageStorage], "ARCHIVE takes no Segmentation Storage"),
    ):
        archive = Archive(kinds=kinds, answers_questions=False)
        archive.answers[SecondaryCaptureImageStorage] = 0x0000
        assert Archives(settings).wanted(archive.destination, objects) == [OBJECTS[2]]
        assert Archives(chosen).wanted(archive.destination, objects) == objects
        delivery = Archives(chosen).deliver(archive.destination, objects, always, archive.acknowledged.append)
        assert delivery.accepted == archive.got == ["1.2.3", "1.2.8"][: len(kinds)]
        assert delivery.error.startswith(said) and bool(delivery.error) == bool(said)
        archive.entity.shutdown()


def test_an_archive_that_takes_nothing_is_said_to_be_there(settings: Settings) -> None:
    archive = Archive(kinds=[CTImageStorage], answers_questions=False)
    delivery = Archives(settings).deliver(archive.destination, OBJECTS[2:], always, archive.acknowledged.append)
    archive.entity.shutdown()
    assert delivery == Delivery([], "ARCHIVE takes no Secondary Capture Image Storage")
