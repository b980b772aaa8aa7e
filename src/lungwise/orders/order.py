"""What an order says: the values that every way of ordering hands over, and their limits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from lungwise.errors import Rejected
from lungwise.inputs import UID

MODALITIES: Final = ("DX", "CR", "RG", "XC")
"""What may take a chest film (PS3.3, C.7.3.1.1.1): digital radiography, computed radiography, film, photograph."""
MOST_ACCESSION: Final = 16
MOST_CODE: Final = 16
MOST_DESCRIPTION: Final = 64
MOST_NUMBER: Final = 64
MOST_NAMESPACE: Final = 200
MOST_ORDERED_BY: Final = 120
MOST_REASON: Final = 1000
MOST_STATION: Final = 16
"""Characters of each; those of DICOM as its value representations have them (PS3.5, 6.2)."""
_ACCESSION = re.compile(r"[^\\\x00-\x1f\x7f]{0,16}")


class OrderStatus(StrEnum):
    """What became of an order. One in progress has films; one that is done has been read."""

    REQUESTED = "requested"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CANCELLED = "cancelled"


OPEN: Final = (OrderStatus.REQUESTED, OrderStatus.IN_PROGRESS)
"""Orders that an X-ray machine still works on: a first film may have to be taken again."""


class OrderUrgency(StrEnum):
    """How soon the films are wanted."""

    ROUTINE = "routine"
    URGENT = "urgent"
    STAT = "stat"


class OrderWay(StrEnum):
    """How an order came."""

    PAGE = "page"
    API = "api"
    HL7 = "hl7"
    FHIR = "fhir"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacerNumber:
    """The number that whoever placed an order gave it, and whose number that is."""

    number: str
    namespace: str = ""

    def as_json(self) -> str:
        """Write it as text, to be kept."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> PlacerNumber:
        """Read one that was kept as text."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """What shall be done, in words, and by the code of a scheme where there is one."""

    description: str = ""
    code: str = ""
    scheme: str = ""

    def as_json(self) -> str:
        """Write it as text, to be kept."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Procedure:
        """Read one that was kept as text."""
        return cls(**json.loads(text)) if text else cls()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What is asked for.

    Parameters
    ----------
    placer
        The placer's own number: an order that comes again by it is the same order.
    accession
        The accession number; where it is empty the order gets one.
    study_uid
        The Study Instance UID that the films shall have; where it is empty the order gets one.
    station
        The AE title of the X-ray machine; where it is empty any may take the films.
    scheduled_at
        When; None for now.
    referring_physician
        A name as DICOM writes it, its parts separated by `^`.
    ordered_by
        Who ordered, where that is not the person who acts.
    """

    placer: PlacerNumber | None = None
    accession: str = ""
    study_uid: str = ""
    procedure: Procedure = Procedure()
    reason: str = ""
    modality: str = MODALITIES[0]
    station: str = ""
    scheduled_at: datetime | None = None
    referring_physician: str = ""
    ordered_by: str = ""
    urgency: OrderUrgency = OrderUrgency.ROUTINE

    def checked(self) -> OrderRequest:
        """Take the spaces off, and refuse what cannot be kept or handed on to an X-ray machine.

        Raises
        ------
        Rejected
            If a value is too long, or is not what it should be.
        """
        tidy = _stripped(self)
        if not _ACCESSION.fullmatch(tidy.accession):
            raise Rejected("An accession number has at most 16 characters, and no backslash.")
        if tidy.study_uid and not UID.fullmatch(tidy.study_uid):
            raise Rejected("This is not a UID as DICOM writes it.")
        if tidy.modality not in MODALITIES:
            raise Rejected("Lungwise takes orders for chest X-rays: choose DX, CR, RG or XC as the modality.")
        if tidy.placer and not tidy.placer.number:
            raise Rejected("The placer's number of this order is empty.")
        if not all(map(_fits, *zip(*_lines(tidy), strict=True))):
            raise Rejected("A text of this order is too long, or contains characters that cannot be saved.")
        return tidy


def _stripped(asked: OrderRequest) -> OrderRequest:
    names = ("accession", "study_uid", "reason", "station", "referring_physician", "ordered_by")
    texts = {name: getattr(asked, name).strip() for name in names}
    of_placer = {name: text.strip() for name, text in asdict(asked.placer).items()} if asked.placer else None
    procedure = {name: text.strip() for name, text in asdict(asked.procedure).items()}
    placer = PlacerNumber(**of_placer) if of_placer else None
    return replace(asked, **texts, placer=placer, procedure=Procedure(**procedure))


def _lines(asked: OrderRequest) -> Iterator[tuple[str, int]]:
    """Yield each text that is one line in an object of DICOM or on a page, with its most characters."""
    yield asked.procedure.description, MOST_DESCRIPTION
    yield asked.procedure.code, MOST_CODE
    yield asked.procedure.scheme, MOST_CODE
    yield " ".join(asked.reason.split()), MOST_REASON
    yield asked.station, MOST_STATION
    yield asked.referring_physician, MOST_DESCRIPTION
    yield asked.ordered_by, MOST_ORDERED_BY
    if asked.placer:
        yield asked.placer.number, MOST_NUMBER
        yield asked.placer.namespace, MOST_NAMESPACE


def _fits(text: str, most: int) -> bool:
    return len(text) <= most and text.isprintable() and "\\" not in text
