"""A study's report as an ORU^R01 message (HL7 2.5, chapter 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lungwise.hl7.acknowledgement import APPLICATION
from lungwise.hl7.text import Separators
from lungwise.orders.service import Order
from lungwise.reports.fhir import status_of
from lungwise.reports.outgoing import ReportMessage, require_sure_patient
from lungwise.reports.report import Report
from lungwise.studies.identifiers import IdentifierKind, identifiers_of_study
from lungwise.studies.stored_answers import study_answer

_CODES: Final = "99LUNGWISE"
_CHEST: Final = "30745-4^XR Chest Views^LN"
_STATUSES: Final = {"registered": "I", "preliminary": "P", "final": "F", "corrected": "C"}
"""Table 0123, in OBR-25 and OBX-11. A final report with a film that nobody has concluded on since is P again.

The table lets a final result be changed by a corrected one alone. But C is as good as F to who reads it: verified,
which that film is not. "Corrected, not final" (M) is unknown to HL7 2.5.
"""
_FLAGS: Final = {"positive": "A", "negative": "N", "uncertain": ""}
_ESCAPES = Separators()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What the messages say of who gets them, and where people read the report; `page` is empty where nobody knows."""

    application: str
    facility: str
    page: str


def control_id(key: str) -> str:
    """Return the control ID of a version of a report: the same however often it is sent, of twenty letters."""
    return hashlib.sha256(key.encode()).hexdigest()[:20]


def result_message(message: ReportMessage, receiver: Receiver, now: datetime) -> bytes:
    """Write a report: for each order that it answers the same observations.

    Raises
    ------
    RefusedError
        If it is unclear whose the report is: its number is another patient's.
    """
    report = message.report
    require_sure_patient(report)
    status = _STATUSES[status_of(report.study)]
    observations = list(_observations(report, receiver, status))
    groups = (
        (*_order(number, order, report, status, now), *observations)
        for number, order in enumerate(_orders(message.orders), start=1)
    )
    segments = [_head(message, receiver, now), _patient(report), *(one for group in groups for one in group)]
    return "".join(f"{segment}\r" for segment in segments).encode()


def _orders(orders: Sequence[Order]) -> Sequence[Order | None]:
    return orders or (None,)


def _head(message: ReportMessage, receiver: Receiver, now: datetime) -> str:
    parts = (APPLICATION, message.report.clinic, receiver.application, receiver.facility)
    named = "|".join(map(_ESCAPES.escaped, parts))
    return f"MSH|^~\\&|{named}|{_time(now)}||ORU^R01^ORU_R01|{control_id(message.key)}|P|2.5||||||UNICODE UTF-8"


def _patient(report: Report) -> str:
    patient = report.patient
    identifier, issuer, name = map(_ESCAPES.escaped, (patient.identifier, patient.issuer, patient.name))
    born = patient.birth_date.strftime("%Y%m%d") if patient.birth_date else ""
    return f"PID|1||{identifier}^^^{issuer}^MR||{name}||{born}|{patient.sex or 'U'}"


def _order(number: int, order: Order | None, report: Report, status: str, now: datetime) -> tuple[str, str]:
    placer, filler = _placer(order), f"{report.study.key}^{APPLICATION}"
    taken = min((film.taken_on for film in report.study.films if film.taken_on), default=None)
    day = taken.strftime("%Y%m%d") if taken else _time(report.study.created_at)
    accession = order.accession if order else _accession(report)
    detail = ["OBR", str(number), placer, filler, _procedure(order), "", "", day, *[""] * 10]
    detail += [_ESCAPES.escaped(accession), "", "", "", _time(now), "", "RAD", status]
    return f"ORC|RE|{placer}|{filler}", "|".join(detail)


def _placer(order: Order | None) -> str:
    """Return the placer's number as it was written; a namespace with a bar is the sender's, who wrote none."""
    if order is None or order.placer is None:
        return ""
    number, namespace = order.placer.number, order.placer.namespace
    own = "" if "|" in namespace else f"^{_ESCAPES.escaped(namespace)}"
    return _ESCAPES.escaped(number) + (own if own != "^" else "")


def _procedure(order: Order | None) -> str:
    if order is None or not (order.procedure.code or order.procedure.description):
        return _CHEST
    parts = (order.procedure.code, order.procedure.description, order.procedure.scheme)
    return "^".join(map(_ESCAPES.escaped, parts))


def _accession(report: Report) -> str:
    found = (one.value for one in identifiers_of_study(report.study) if one.kind is IdentifierKind.ACCESSION)
    return next(found, "")


def _observations(report: Report, receiver: Receiver, status: str) -> Iterator[str]:
    for number, (kind, code, value, flag) in enumerate(_values(report, receiver), start=1):
        unit = "1^^UCUM" if kind == "NM" else ""
        yield f"OBX|{number}|{kind}|{code}^{_CODES}||{value}|{unit}||{flag}|||{status}"


def _values(report: Report, receiver: Receiver) -> Iterator[tuple[str, str, str, str]]:
    """Yield what is said: the type, the code, the value, and whether it is normal."""
    answer = study_answer(report.study, report.patient, report.zone, is_doubted=bool(report.ordered.of_others))
    if answer.read and answer.verdict is not None:
        verdict = answer.verdict.value
        yield "CE", "VERDICT^Verdict on COVID-19", f"{verdict}^{verdict}^{_CODES}", _FLAGS[verdict]
        yield "NM", "PROBABILITY^Probability of COVID-19", f"{answer.covid.probability:.4f}", ""
    said = (report.headline.text, *report.headline.remarks, report.limits)
    yield _text("HEADLINE^What the films show", *said)
    if report.study.conclusion:
        # Outdated, it is sent as well: a system may keep an observation that a message leaves out, as it was, final.
        yield _text("CONCLUSION^Doctor's conclusion", report.study.conclusion, report.conclusion_remark)
    for opinion in report.opinions:
        yield _text("OPINION^Opinion", f"{opinion.author}, {opinion.time}", *opinion.sentences)
    for model in dict.fromkeys(film.model for film in report.films if film.model):
        yield _text("MODEL^Model", model)
    readings = (film.record.reading for film in report.films)
    own = (one.own_thresholds.id for one in readings if one is not None and one.own_thresholds)
    for thresholds in dict.fromkeys(own):
        yield _text("THRESHOLDS^Own thresholds of the clinic", thresholds)
    if receiver.page:
        yield _text("PAGE^Page of the study", f"{receiver.page}/studies/{report.study.key}")


def _text(code: str, *lines: str) -> tuple[str, str, str, str]:
    return "TX", code, _ESCAPES.escaped("\n".join(filter(None, lines))), ""


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")
