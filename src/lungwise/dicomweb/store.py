"""STOW-RS (PS3.18, 10.5): every part is saved or refused by itself, with the reason."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from lungwise.dicom.storage import OBJECT_CLASSES, STORAGE_CLASSES
from lungwise.dicomweb.metadata import Attributes, attribute
from lungwise.dicomweb.multipart import Part
from lungwise.errors import Rejected, Unavailable
from lungwise.films import Refusal
from lungwise.receiving.receiver import Kept
from lungwise.receiving.uploads import ReceivedInstance, read_instance
from lungwise.store import answer_of
from lungwise.webkit import rejections

SENDER = "DICOMweb"
_log = logging.getLogger("lungwise.dicomweb")
# Failure reasons: PS3.18, table I.2-2, and PS3.4, annex B.2.3.
KEPT_ASIDE = 0xB000
"""A warning reason: the object is safe, but under a UID that another one has, so that it cannot be retrieved."""
NOT_SUPPORTED, OUT_OF_RESOURCES, OF_ANOTHER_STUDY, NOT_UNDERSTOOD = 0x0122, 0xA700, 0xA900, 0xC000


class Accepts(Protocol):
    """What keeps a film: the reception."""

    def accept(self, arrival: ReceivedInstance, address: str) -> Kept:
        """Keep a film for good, and say what became of it."""
        ...


@dataclass(slots=True)
class Outcome:
    """What became of the parts of one request."""

    stored: list[Attributes] = field(default_factory=list)
    failed: list[Attributes] = field(default_factory=list)

    @property
    def status(self) -> int:
        """200 where all was stored, 202 where a part was not or with a warning, 409 where nothing was."""
        if not self.stored:
            return 409
        return 202 if self.failed or any("00081196" in one for one in self.stored) else 200

    def attributes(self, url: str) -> Attributes:
        """Write the answer (PS3.18, table I.1-1)."""
        answer = {"00081190": attribute("UR", url)}
        if self.stored:
            answer["00081199"] = attribute("SQ", *self.stored)
        if self.failed:
            answer["00081198"] = attribute("SQ", *self.failed)
        return answer


class Intake:
    """Saves the parts of one request."""

    def __init__(self, reception: Accepts, address: str, url: str, study: str | None) -> None:
        self._reception = reception
        self._address = address
        self._url = url
        self._study = study

    def take(self, parts: Iterable[Part]) -> Outcome:
        """Save part after part. What is said to be stored is on disk and in the database."""
        outcome = Outcome()
        for part in parts:
            self._one(part, outcome)
        if outcome.failed:
            rejections.note(f"objects: {len(outcome.failed)}")
        return outcome

    def _one(self, part: Part, outcome: Outcome) -> None:
        if part.body is None or part.media_type != "application/dicom":
            outcome.failed.append(_failure({}, OUT_OF_RESOURCES if part.body is None else NOT_UNDERSTOOD))
            return
        try:
            arrival = read_instance(part.body, SENDER)
        except Refusal:
            outcome.failed.append(_failure({}, NOT_UNDERSTOOD))
            return
        kind = arrival.film.header.sop_class if arrival.film.header else ""
        named = _named(kind, str(arrival.film.uids.instance))
        kept = self._kept(arrival, kind)
        if isinstance(kept, int):
            outcome.failed.append(_failure(named, kept))
        elif kept is Kept.HELD:
            outcome.stored.append({**named, "00081196": attribute("US", KEPT_ASIDE)})
        else:
            url = f"{self._url}/studies/{arrival.film.uids.study}/series/{arrival.film.uids.series}"
            where = attribute("UR", f"{url}/instances/{arrival.film.uids.instance}")
            outcome.stored.append({**named, "00081190": where})

    def _kept(self, arrival: ReceivedInstance, kind: str) -> Kept | int:
        """Save an object, or give the reason why it cannot be."""
        if kind not in (*STORAGE_CLASSES, *OBJECT_CLASSES):
            return NOT_SUPPORTED
        if self._study is not None and arrival.film.uids.study != self._study:
            return OF_ANOTHER_STUDY
        try:
            return self._reception.accept(arrival, self._address)
        except (Rejected, Unavailable, OSError, SQLAlchemyError) as error:
            _log.error("An object cannot be kept: %s", answer_of(error) or type(error).__name__, exc_info=error)
            return OUT_OF_RESOURCES


def _named(kind: str, instance: str) -> Attributes:
    return {"00081150": attribute("UI", kind), "00081155": attribute("UI", instance)}


def _failure(named: Attributes, reason: int) -> Attributes:
    return {**named, "00081197": attribute("US", reason)}
