"""What a system gets that is no archive: each version of a study's report, and that it is withdrawn.

A kind of system writes it and sends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lungwise.films.refusals import Words
from lungwise.orders.service import Order
from lungwise.patients.service import Identity
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reports.report import Report
from lungwise.studies.report_identifiers import ReportIdentifiers
from lungwise.studies.service import Studies


class NotSentError(Exception):
    """A system has not acknowledged a report, and gets it again later.

    Its words are shown to people: no address and nothing of a patient.

    Parameters
    ----------
    away
        Whether the system cannot be spoken to at all just now: whatever else waits for it waits as long.
    may_have_it
        Whether the system may have the report all the same; not where it says that it has not taken it.
    """

    def __init__(self, sentence: str, *, away: bool = False, may_have_it: bool = True) -> None:
        super().__init__(sentence)
        self.away = away
        self.may_have_it = may_have_it


class RefusedError(Exception):
    """A system will never take this version of a report; said as `NotSentError` is."""


def require_sure_patient(report: Report) -> None:
    """Require that a patient's number names nobody else, for a system that files reports by the number.

    Raises
    ------
    RefusedError
        If it is unclear whose the report is, or a person said that another one has the same number.
    """
    if report.patient.is_unclear:
        raise RefusedError("the patient's identity is unclear: say who it is")
    if report.patient.identity == Identity.SEPARATE:
        raise RefusedError("another person has the patient's number: correct the one that is wrong")
    if report.ordered.of_others:
        raise RefusedError("a film names an order of another patient: say whose it is")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMessage:
    """One version of a study's report; it holds as long as the transaction that it was read in.

    Parameters
    ----------
    version
        Counts up whenever the report says something else.
    report
        In the clinic's language, as are `words`.
    studies
        Reads what the report's films hold beside.
    worth
        What a verdict is worth at the clinic's prevalence.
    orders
        Those that the study answers.
    """

    version: int
    report: Report
    words: Words
    studies: Studies
    worth: PredictiveValue
    orders: Sequence[Order] = ()

    @property
    def key(self) -> str:
        """The idempotency key: the same however often this version is sent."""
        return f"{self.report.study.key}-{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """That a report does not hold which a system has, or may have: it is of another person, or of nobody any more.

    Parameters
    ----------
    version
        Higher than that of every version that was sent.
    clinic
        The clinic's name.
    """

    version: int
    clinic: str
    identifiers: ReportIdentifiers

    @property
    def key(self) -> str:
        """The idempotency key: the same however often this is sent."""
        return f"{self.identifiers.study}-{self.version}-withdrawn"


class ReportDestination(Protocol):
    """A system that gets reports."""

    @property
    def name(self) -> str:
        """What the queue calls it: short, without @, the same whatever its address is."""

    def write(self, message: ReportMessage) -> bytes:
        """Write a report as the system takes it.

        Raises
        ------
        RefusedError
            If this report cannot be written so.
        """

    def write_withdrawal(self, withdrawal: Withdrawal) -> bytes:
        """Write that a report is withdrawn, as the system takes it."""

    def send(self, body: bytes, key: str) -> None:
        """Send what was written, within a minute, and return once the system has acknowledged it.

        Raises
        ------
        NotSentError
            If it has not.
        RefusedError
            If it never will.
        """
