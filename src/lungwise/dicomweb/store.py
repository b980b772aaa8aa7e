"""STOW-RS (PS3.18, 10.5): every part is stored or refused by itself, with the reason."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from lungwise.dicom.storage import CANNOT_STORE, OBJECT_CLASSES, STORAGE_CLASSES
from lungwise.dicomweb.metadata import Attributes, attribute
from lungwise.dicomweb.multipart import Part
from lungwise.films import Refusal
from lungwise.receiving.receiver import Kept, Receipt
from lungwise.receiving.uploads import ReceivedInstance, Uids, read_instance
from lungwise.store import answer_of
from lungwise.webkit import rejections

SENDER = "DICOMweb"
_log = logging.getLogger("lungwise.dicomweb")
# Failure reasons: PS3.18, table I.2-2, and PS3.4, annex B.2.3.
KEPT_ASIDE = 0xB000
"""A warning reason: the object is safe, but cannot be retrieved, since another one has its UID."""
NOT_SUPPORTED, OUT_OF_RESOURCES, OF_ANOTHER_STUDY, NOT_UNDERSTOOD = 0x0122, 0xA700, 0xA900, 0xC000


@dataclass(slots=True)
class StoreResponse:
    """What became of the parts of one request."""

    stored: list[Attributes] = field(default_factory=list)
    failed: list[Attributes] = field(default_factory=list)

    @property
    def status(self) -> int:
        """200 if all were stored, 202 if some were not or with a warning, 409 if none was."""
        if not self.stored:
            return 409
        return 202 if self.failed or any("00081196" in one for one in self.stored) else 200

    def fail(self, reason: int, named: Attributes | None = None) -> None:
        """Add a part that was not stored."""
        self.failed.append({**(named or {}), "00081197": attribute("US", reason)})

    def attributes(self, url: str) -> Attributes:
        """Write the response (PS3.18, table I.1-1)."""
        sequences = {"00081199": self.stored, "00081198": self.failed}
        written = {tag: attribute("SQ", *items) for tag, items in sequences.items() if items}
        return {"00081190": attribute("UR", url), **written}


class Receiver(Protocol):
    """Keeps objects, and says under which UIDs."""

    def keep(self, instance: ReceivedInstance, address: str) -> Receipt:
        """Keep an object for good and return what became of it; `address` is the sender's."""
        ...


class StoreRequest:
    """Stores the parts of one request.

    Parameters
    ----------
    receiver
        Keeps each object.
    address
        The network address of the sender.
    url
        Of this DICOMweb service.
    study
        The Study Instance UID that every object must have; None for any.
    """

    def __init__(self, receiver: Receiver, address: str, url: str, study: str | None) -> None:
        self._receiver = receiver
        self._address = address
        self._url = url
        self._study = study

    def store(self, parts: Iterable[Part]) -> StoreResponse:
        """Store part after part. What is reported as stored is on disk and in the database."""
        response = StoreResponse()
        for part in parts:
            self._store_part(part, response)
        if response.failed:
            rejections.note(f"objects: {len(response.failed)}")
        return response

    def _store_part(self, part: Part, response: StoreResponse) -> None:
        if part.body is None:
            return response.fail(OUT_OF_RESOURCES)
        if part.media_type != "application/dicom":
            return response.fail(NOT_UNDERSTOOD)
        try:
            instance = read_instance(part.body, SENDER)
        except Refusal:
            return response.fail(NOT_UNDERSTOOD)
        sop_class, uids = instance.film.header.sop_class if instance.film.header else "", instance.film.uids
        named = {"00081150": attribute("UI", sop_class), "00081155": attribute("UI", uids.instance)}
        receipt = self._kept(instance, sop_class)
        if isinstance(receipt, int):
            response.fail(receipt, named)
        elif receipt.kept is Kept.HELD:
            response.stored.append({**named, "00081196": attribute("US", KEPT_ASIDE)})
        else:
            response.stored.append({**named, **self._address_of(receipt.uids)})
        return None

    def _address_of(self, uids: Uids) -> Attributes:
        """Say where an object can be retrieved; nothing of one without a series, which has no address."""
        if not (uids.study and uids.series and uids.instance):
            return {}
        url = f"{self._url}/studies/{uids.study}/series/{uids.series}/instances/{uids.instance}"
        return {"00081190": attribute("UR", url)}

    def _kept(self, instance: ReceivedInstance, sop_class: str) -> Receipt | int:
        """Keep an object, or return the reason why that is not possible."""
        if sop_class not in (*STORAGE_CLASSES, *OBJECT_CLASSES):
            return NOT_SUPPORTED
        if self._study is not None and instance.film.uids.study != self._study:
            return OF_ANOTHER_STUDY
        try:
            return self._receiver.keep(instance, self._address)
        except CANNOT_STORE as error:
            _log.error("An object cannot be kept: %s", answer_of(error) or type(error).__name__, exc_info=error)
            return OUT_OF_RESOURCES
