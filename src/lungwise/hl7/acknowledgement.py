"""The answer to a message: accepted, an error in it, or rejected (HL7 2.5, chapter 2.9)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from lungwise.hl7.message import Header
from lungwise.hl7.text import Separators
from lungwise.store import new_key

APPLICATION = "LUNGWISE"
_MOST_TEXT = 200
_WITH_DETAILS = "2.5"
"""The first version whose ERR segment says what is wrong in words."""
_SEPARATORS = Separators()


class Answer(StrEnum):
    """What is said of a message.

    ERROR is of its content: sending it again changes nothing. REJECTED is of its kind, or of this moment.
    """

    ACCEPTED = "AA"
    ERROR = "AE"
    REJECTED = "AR"


def acknowledgement(header: Header, answer: Answer, sentence: str, now: datetime) -> bytes:
    """Write the answer to a message; who asks for the enhanced mode (MSH-15) gets its codes."""
    code = "C" + answer[1] if header.accepts in ("AL", "ER", "SU") else answer.value
    is_new = header.version >= _WITH_DETAILS
    parts = (header.receiving_application or APPLICATION, header.receiving_facility)
    receivers = (header.application, header.facility)
    head = [
        *(_escaped(part) for part in (*parts, *receivers)),
        now.strftime("%Y%m%d%H%M%S+0000"),
        "",
        f"ACK^{_escaped(header.event)}^ACK" if is_new and header.event else "ACK",
        new_key(),
        _escaped(header.processing) or "P",
        _escaped(header.version) or "2.5",
    ]
    segments = [
        "MSH|^~\\&|" + "|".join(head),
        f"MSA|{code}|{_escaped(header.control_id)}|{_escaped(sentence)[:_MOST_TEXT]}",
    ]
    if is_new and answer is not Answer.ACCEPTED:
        segments.append(f"ERR|||{'207' if answer is Answer.ERROR else '200'}|E||||{_escaped(sentence)[:_MOST_TEXT]}")
    return "".join(f"{segment}\r" for segment in segments).encode("ascii", errors="replace")


def _escaped(text: str) -> str:
    return _SEPARATORS.escaped(text)
