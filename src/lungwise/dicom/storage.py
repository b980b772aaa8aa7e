"""What C-STORE and STOW-RS have in common: the storage classes that they take, and what keeps an object."""

from __future__ import annotations

from typing import Final, Protocol

from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)
from sqlalchemy.exc import SQLAlchemyError

from lungwise.errors import Rejected, Unavailable
from lungwise.receiving.receiver import Kept
from lungwise.receiving.uploads import ReceivedInstance
from lungwise.studies.other_objects import OTHER_CLASSES

OBJECT_CLASSES: tuple[UID, ...] = tuple(map(UID, OTHER_CLASSES))
"""What is kept beside the films of a study: reports, documents, selections, presentation states and segmentations."""

STORAGE_CLASSES: tuple[UID, ...] = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
)
"""What may hold a chest film. Several frames are kept too, and refused when they are read: a person then sees why."""

CANNOT_STORE: Final = (Rejected, Unavailable, OSError, SQLAlchemyError)
"""What a receiver raises if it cannot keep an object now; the sender keeps it and sends it again."""


class Receiver(Protocol):
    """Keeps objects that come over the network."""

    def accept(self, instance: ReceivedInstance, address: str) -> Kept:
        """Keep an object for good and return what became of it; `address` is the sender's."""
        ...
