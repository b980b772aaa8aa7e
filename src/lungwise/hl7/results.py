"""A study's report as an ORU^R01 message (HL7 2.5, chapter 7), and that it is withdrawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lungwise.hl7.acknowledgement import APPLICATION
from lungwise.hl7.text import Separators
from lungwise.patients.identity import PatientFacts
from lungwise.reading.findings import finding_named
from lungwise.reports.fhir import status_of
from lungwise.reports.outgoing import ReportMessage, Withdrawal, require_sure_patient
from lungwise.reports.report import Report
from lungwise.studies.answers import Level, StudyAnswer
from lungwise.studies.first_day import first_day
from lungwise.studies.outdated_opinions import stated_conclusion
from lungwise.studies.report_identifiers import ReportedOrder, ReportIdentifiers, report_identifiers
from lungwise.studies.stored_answers import study_answer

_CODES: Final = "99LUNGWISE"
_CHEST: Final = "30745-4^XR Chest Views^LN"
_STATUSES: Final = {"registered": "I", "preliminary": "P", "final": "F", "corrected": "C"}
"""Table 0123, in OBR-25 and OBX-11. A final report with a film that nobody has concluded on since is P again.

The table lets a final result be changed by a corrected one alone. But C is as good as F to who reads it: verified,
which that film is not. "Corrected, not final" (M) is unknown to HL7 2.5.
"""
_WRONG_PATIENT: Final = "W"
"""OBX-11 of what is withdrawn: "Post original as wrong, e.g., transmitted for wrong patient" (HL7 2.5, table 0085).

D, "Deletes the OBX record", would leave no trace of what somebody may have acted on.
"""
_NO_RESULTS: Final = "X"
"""OBR-25 with it: "No results available; Order canceled" (table 0123).

That table knows no wrong patient. C, a correction, would promise results to who reads OBR-25 alone.
"""
_NO_VALUE: Final = "X"
"""OBX-11 of what an earlier version may have said and this one does not: "Results cannot be obtained" (table 0085)."""
_OBSERVATIONS: Final = {
    "VERDICT": ("CE", "Verdict on COVID-19"),
    "PROBABILITY": ("NM", "Probability of COVID-19"),
    "SUGGESTED": ("CE", "Suggested findings"),
    "POSSIBLE": ("CE", "Possible findings"),
    "HEADLINE": ("TX", "What the films show"),
    "CONCLUSION": ("TX", "Doctor's conclusion"),
    "OPINION": ("TX", "Opinion"),
    "MODEL": ("TX", "Model"),
    "THRESHOLDS": ("TX", "Own thresholds of the clinic"),
    "PAGE": ("TX", "Page of the study"),
}
"""The type of each observation of a report and its name, by its code."""
_OF_READINGS: Final = ("VERDICT", "PROBABILITY", "SUGGESTED", "POSSIBLE", "MODEL", "THRESHOLDS")
"""What a report may say no more: a film that was cut anew is read anew, or is refused."""
_FLAGS: Final = {Level.GREEN: "N", Level.AMBER: "A", Level.RED: "A", Level.GREY: ""}
"""OBX-8 (table 0078): normal only where the headline is green, and nothing where it is grey."""
_ESCAPES = Separators()
_Value = tuple[str, str, str]
"""Of an observation: its code, its value, and whether it is normal."""


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
    taken = first_day(report.study, report.study.films, report.zone)
    said = _Said(
        status=status,
        day=taken.strftime("%Y%m%d") if taken else _time(report.study.created_at),
        observations=tuple(_observations(_values(message, receiver), status)),
    )
    identifiers = report_identifiers(report.study, report.patient, message.orders)
    return _written(_head(report.clinic, message.key, receiver, now), identifiers, said, now)


def withdrawal_message(withdrawal: Withdrawal, receiver: Receiver, now: datetime) -> bytes:
    """Write that a report is withdrawn: each observation that a report may have, without its value."""
    values = ((code, "", "") for code in _OBSERVATIONS if code != "PAGE" or receiver.page)
    said = _Said(status=_NO_RESULTS, day="", observations=tuple(_observations(values, _WRONG_PATIENT, _WRONG_PATIENT)))
    return _written(_head(withdrawal.clinic, withdrawal.key, receiver, now), withdrawal.identifiers, said, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a message says of each order: the status of the results, the day of the films, and the observations."""

    status: str
    day: str
    observations: tuple[str, ...]


def _written(head: str, identifiers: ReportIdentifiers, said: _Said, now: datetime) -> bytes:
    segments = [head, _patient(identifiers.facts)]
    for number, order in enumerate(identifiers.orders, start=1):
        segments += [*_order(number, order, identifiers.study, said, now), *said.observations]
    return "".join(f"{segment}\r" for segment in segments).encode()


def _head(clinic: str, key: str, receiver: Receiver, now: datetime) -> str:
    named = "|".join(map(_ESCAPES.escaped, (APPLICATION, clinic, receiver.application, receiver.facility)))
    return f"MSH|^~\\&|{named}|{_time(now)}||ORU^R01^ORU_R01|{control_id(key)}|P|2.5||||||UNICODE UTF-8"


def _patient(facts: PatientFacts) -> str:
    identifier, issuer, name = map(_ESCAPES.escaped, (facts.identifier, facts.issuer, facts.name))
    born = facts.birth_date.strftime("%Y%m%d") if facts.birth_date else ""
    return f"PID|1||{identifier}^^^{issuer}^MR||{name}||{born}|{facts.sex or 'U'}"


def _order(number: int, order: ReportedOrder, study: str, said: _Said, now: datetime) -> tuple[str, str]:
    placer, filler = _placer(order), f"{study}^{APPLICATION}"
    detail = ["OBR", str(number), placer, filler, _procedure(order), "", "", said.day, *[""] * 10]
    detail += [_ESCAPES.escaped(order.accession), "", "", "", _time(now), "", "RAD", said.status]
    return f"ORC|RE|{placer}|{filler}", "|".join(detail)


def _placer(order: ReportedOrder) -> str:
    """Return the placer's number as it was written; a namespace with a bar is the sender's, who wrote none."""
    if order.placer is None:
        return ""
    number, namespace = order.placer.number, order.placer.namespace
    own = "" if "|" in namespace else f"^{_ESCAPES.escaped(namespace)}"
    return _ESCAPES.escaped(number) + (own if own != "^" else "")


def _procedure(order: ReportedOrder) -> str:
    if not (order.procedure.code or order.procedure.description):
        return _CHEST
    parts = (order.procedure.code, order.procedure.description, order.procedure.scheme)
    return "^".join(map(_ESCAPES.escaped, parts))


def _observations(values: Iterable[_Value], status: str, without: str = _NO_VALUE) -> Iterator[str]:
    """Write values of a status, and what has no value, with the status of that."""
    for number, (code, value, flag) in enumerate(values, start=1):
        kind, name = _OBSERVATIONS[code]
        unit = "1^^UCUM" if kind == "NM" else ""
        yield f"OBX|{number}|{kind}|{code}^{name}^{_CODES}||{value}|{unit}||{flag}|||{status if value else without}"


def _values(message: ReportMessage, receiver: Receiver) -> list[_Value]:
    """Say what a report says in the order of the codes; a later version also of what it says nothing of any more.

    A system may keep an observation that a message leaves out as it was.
    """
    values = list(_stated(message.report, receiver))
    if message.version > 1:
        stated = {code for code, _value, _flag in values}
        values += [(code, "", "") for code in _OF_READINGS if code not in stated]
    order = list(_OBSERVATIONS)
    return sorted(values, key=lambda value: order.index(value[0]))


def _stated(report: Report, receiver: Receiver) -> Iterator[_Value]:
    answer = study_answer(report.study, report.patient, report.zone, is_doubted=bool(report.ordered.of_others))
    yield from _read(answer, _FLAGS[report.headline.level])
    said = (report.headline.text, *report.headline.remarks, report.limits)
    yield _text("HEADLINE", *said)
    if conclusion := stated_conclusion(report.study):
        # Outdated, it is sent as well: it would stay there final.
        yield _text("CONCLUSION", conclusion, report.conclusion_remark)
    for opinion in report.opinions:
        yield _text("OPINION", f"{opinion.author}, {opinion.time}", *opinion.sentences)
    for model in dict.fromkeys(film.model for film in report.films if film.model):
        yield _text("MODEL", model)
    readings = (film.record.reading for film in report.films)
    own = (one.own_thresholds.id for one in readings if one is not None and one.own_thresholds)
    for thresholds in dict.fromkeys(own):
        yield _text("THRESHOLDS", thresholds)
    if receiver.page:
        yield _text("PAGE", f"{receiver.page}/studies/{report.study.key}")


def _read(answer: StudyAnswer, flag: str) -> Iterator[_Value]:
    """Say what was read of the films, where something was."""
    if not answer.read or answer.verdict is None:
        return
    verdict = answer.verdict.value
    yield "VERDICT", f"{verdict}^{verdict}^{_CODES}", flag
    yield "PROBABILITY", f"{answer.covid.probability:.4f}", ""
    for code, names in {"SUGGESTED": answer.named_as_suggested, "POSSIBLE": answer.named_as_possible}.items():
        if names:
            yield code, "~".join(map(_finding, names)), flag


def _finding(name: str) -> str:
    """Write a finding by its name, and by the concept of another coding scheme where there is one."""
    code = finding_named(name).code
    own = [name, name, _CODES]
    parts = own if code.scheme == _CODES else [*own, code.value, code.meaning, code.scheme]
    return "^".join(map(_ESCAPES.escaped, parts))


def _text(code: str, *lines: str) -> _Value:
    return code, _ESCAPES.escaped("\n".join(filter(None, lines))), ""


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")
