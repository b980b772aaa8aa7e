"""An archive for the tests: a peer that answers by the kind of object, and notes what it was sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, cast

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE

from dicom_files import dicom_bytes, film_dataset
from lungwise.dicom.archives import _FIND
from lungwise.dicom.outgoing import Destination
from synthetic_films import chest_bytes

ANSWERS = {
    DigitalXRayImageStorageForPresentation: 0x0000,
    ComputedRadiographyImageStorage: 0xB000,  # kept, with a warning
    SecondaryCaptureImageStorage: 0xA700,
}


class Archive:
    """A peer that answers by the kind of object, and notes what it was sent."""

    def __init__(
        self,
        *,
        answers_questions: bool = True,
        kinds: Collection[UID] = (),
        syntax: UID = ExplicitVRLittleEndian,
    ) -> None:
        self.shown: dict[str, str] | None = None
        self.answers = dict(ANSWERS)
        self.got: list[str] = []
        self.objects: list[Dataset] = []
        self.acknowledged: list[str] = []
        self.looks: Callable[[], object] = lambda: None
        self.entity = AE("ARCHIVE")
        self.entity.require_called_aet = True
        for kind in kinds or ANSWERS:
            self.entity.add_supported_context(kind, syntax)
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
        self.objects.append(event.dataset)
        self.looks()
        return self.answers.get(UID(str(request.AffectedSOPClassUID)), 0x0000)


def an_object(kind: str, instance: str, **more: str) -> Dataset:
    item = film_dataset(chest_bytes(), SOPClassUID=kind, SOPInstanceUID=instance, **more)
    item.StudyInstanceUID = more.get("StudyInstanceUID", "1.2")
    item.SeriesInstanceUID = more.get("SeriesInstanceUID", "1.2.1")
    dicom_bytes(item)
    return item


OBJECTS = [an_object(kind, f"1.2.{number}", Modality="OT") for number, kind in enumerate(ANSWERS, start=1)]
