"""What a message says of an order: ORC and OBR, with TQ1, IPC and ZDS where they stand (IHE RAD-2, RAD-4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from lungwise.hl7.message import Message, MessageError, Segment, part_of
from lungwise.orders.order import (
    MODALITIES,
    MOST_ACCESSION,
    MOST_CODE,
    MOST_DESCRIPTION,
    MOST_STATION,
    OrderRequest,
    OrderUrgency,
    PlacerNumber,
    Procedure,
)

OTHER_MODALITIES: Final = frozenset(
    (
        *("AU", "BI", "BMD", "CT", "DD", "DG", "DM", "ECG", "EEG", "EMG", "EPS", "ES", "GM", "HD", "IO", "IVUS", "KER"),
        *("LS", "MA", "MG", "MR", "NM", "OCT", "OP", "OPT", "PT", "PX", "RF", "RTIMAGE", "SM", "ST", "TG", "US", "XA"),
    )
)
"""What takes no chest film; anything else, as RAD, is a department and says nothing."""
_URGENCIES: Final = {"S": OrderUrgency.STAT, "A": OrderUrgency.URGENT, "T": OrderUrgency.URGENT}
_MOST_NAME = 64
_TIME = re.compile(r"(\d{8})(\d{4})?(\d\d)?(?:\.\d+)?([+-]\d{4})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedOrder:
    """One order of a message: what is to be done with it (ORC-1), and what is asked for."""

    control: str
    asked: OrderRequest
    is_other_modality: bool


def orders_of(message: Message, zone: tzinfo) -> list[StatedOrder]:
    """Return the orders of a message; times without an offset are those of a zone.

    Raises
    ------
    MessageError
        If there is none, or one without a placer's number.
    """
    visit = next((one for one in message.segments if one.name == "PV1"), None)
    found = [_order(message, group, visit, zone) for group in _groups(message.segments)]
    if not found:
        raise MessageError("The message has no ORC segment.")
    return found


def _groups(segments: Sequence[Segment]) -> Iterator[dict[str, Segment]]:
    """Walk over the orders, each with the first segment of each name that follows its ORC."""
    group: dict[str, Segment] = {}
    for segment in segments:
        if segment.name == "ORC" and group:
            yield group
            group = {}
        if segment.name == "ORC" or group:
            group.setdefault(segment.name, segment)
    if group:
        yield group


def _order(message: Message, group: dict[str, Segment], visit: Segment | None, zone: tzinfo) -> StatedOrder:
    orc, detail = group["ORC"], group.get("OBR")
    modality = _first(group, ("IPC", 5), ("OBR", 24)).upper()
    asked = OrderRequest(
        placer=_placer(message, group),
        accession=_accession(group),
        study_uid=_first(group, ("IPC", 3), ("ZDS", 1)),
        procedure=_procedure(detail) if detail else Procedure(),
        reason=_reason(detail) if detail else "",
        modality=modality if modality in MODALITIES else MODALITIES[0],
        station=_first(group, ("IPC", 9))[:MOST_STATION],
        scheduled_at=_scheduled(group, zone),
        referring_physician=_dicom_name(visit, 8) or _dicom_name(orc, 12) or _dicom_name(detail, 16),
        ordered_by=_shown_name(orc, 12) or _shown_name(detail, 16),
        urgency=_urgency(group),
    )
    return StatedOrder(control=orc.text(1).upper(), asked=asked, is_other_modality=modality in OTHER_MODALITIES)


def _first(group: dict[str, Segment], *places: tuple[str, int]) -> str:
    texts = (group[name].text(field) for name, field in places if name in group)
    return next(filter(None, texts), "")


def _placer(message: Message, group: dict[str, Segment]) -> PlacerNumber:
    """Return the placer's number; the namespace is the sender where the number names none."""
    segment, header = next((one for one in _numbering(group) if one.text(2)), None), message.header
    if segment is None:
        raise MessageError("ORC-2 has no placer's number.")
    namespace = segment.text(2, 2) or segment.text(2, 3) or f"{header.application}|{header.facility}"
    return PlacerNumber(number=segment.text(2), namespace=namespace)


def _numbering(group: dict[str, Segment]) -> Iterator[Segment]:
    return (group[name] for name in ("ORC", "OBR") if name in group)


def _accession(group: dict[str, Segment]) -> str:
    """Return the accession number: IPC-1, or OBR-18 as IHE has it, where that can be one."""
    stated = _first(group, ("IPC", 1), ("OBR", 18))
    return stated if len(stated) <= MOST_ACCESSION and "\\" not in stated else ""


def _procedure(detail: Segment) -> Procedure:
    """Return the procedure: its first code, or the alternate one where that is all there is."""
    at = 1 if detail.text(4, 1) or detail.text(4, 2) else 4
    code, description, scheme = (detail.text(4, at + part) for part in range(3))
    if len(code) > MOST_CODE or len(scheme) > MOST_CODE:
        code = scheme = ""
    return Procedure(description=(description or code)[:MOST_DESCRIPTION], code=code, scheme=scheme)


def _reason(detail: Segment) -> str:
    """Return why the films are wanted: the reason for the study, and relevant clinical information."""
    stated = (detail.text(31, 2) or detail.text(31, 1), detail.lines(13))
    return "\n".join(dict.fromkeys(filter(None, stated)))


def _scheduled(group: dict[str, Segment], zone: tzinfo) -> datetime | None:
    written = next(
        filter(
            None,
            (
                group["TQ1"].text(7) if "TQ1" in group else "",
                group["OBR"].text(36) if "OBR" in group else "",
                group["OBR"].text(27, 4) if "OBR" in group else "",
                group["ORC"].text(7, 4),
            ),
        ),
        "",
    )
    return _time(written, zone) if written else None


def _time(written: str, zone: tzinfo) -> datetime:
    match = _TIME.fullmatch(written)
    try:
        if match is None:
            raise ValueError(written)
        day, minutes, seconds, offset = match.groups()
        local = datetime.strptime(day + (minutes or "0000") + (seconds or "00"), "%Y%m%d%H%M%S")
        return local.replace(tzinfo=_offset(offset) if offset else zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MessageError("The time at which the films are wanted is not one.") from None


def _offset(written: str) -> timezone:
    ahead = timedelta(hours=int(written[1:3]), minutes=int(written[3:]))
    return timezone(-ahead if written[0] == "-" else ahead)


def _urgency(group: dict[str, Segment]) -> OrderUrgency:
    stated = (
        group["TQ1"].text(9) if "TQ1" in group else "",
        group["ORC"].text(7, 6),
        *((group["OBR"].text(27, 6), group["OBR"].text(5)) if "OBR" in group else ()),
    )
    return _URGENCIES.get(next(filter(None, stated), "")[:1].upper(), OrderUrgency.ROUTINE)


def _dicom_name(segment: Segment | None, field: int) -> str:
    """Return a person's name (XCN) as DICOM writes one: family, given, middle, prefix and suffix."""
    person = _person(segment, field)
    written = "^".join(part_of(person, part).replace("^", " ") for part in (2, 3, 4, 6, 5)).rstrip("^")
    return written if len(written) <= _MOST_NAME else written[:_MOST_NAME].rpartition("^")[0]


def _shown_name(segment: Segment | None, field: int) -> str:
    """Return a person's name as it is read aloud."""
    person = _person(segment, field)
    return " ".join(filter(None, (part_of(person, part) for part in (6, 3, 4, 2, 5))))[:_MOST_NAME]


def _person(segment: Segment | None, field: int) -> list[list[str]]:
    return next(iter(segment.repetitions(field)), []) if segment else []
