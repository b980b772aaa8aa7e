"""Reports for a FHIR R4 server: one transaction for each version, which it takes whole or not at all."""

from __future__ import annotations

import re
from typing import Any, Final

from lungwise.outgoing.bearer_token import BearerToken, json_object
from lungwise.outgoing.exchange import Answer, Exchange
from lungwise.patients.service import IdentityRules
from lungwise.reports.fhir_transaction import transaction, withdrawal_transaction
from lungwise.reports.outgoing import NotSentError, RefusedError, ReportMessage, Withdrawal, require_sure_patient
from lungwise.reports.patient_systems import PatientSystems
from lungwise.settings import Settings

_MEDIA_TYPE = "application/fhir+json"
_MOST = 1 << 20
"""Bytes of an answer that are read."""
_NEVER = frozenset({400, 412, 413, 422})
_ISSUES: Final = {
    "conflict": "another change was made at the same time",
    "duplicate": "it has this resource already",
    "exception": "it has a fault of its own",
    "forbidden": "its token may not write this",
    "invariant": "a rule of its profiles is broken",
    "login": "it wants a token",
    "multiple-matches": "more than one of its resources has the identifier",
    "not-found": "it does not find what is referred to",
    "not-supported": "it does not support this",
    "processing": "it cannot process this",
    "required": "an element is missing",
    "structure": "it does not know an element",
    "business-rule": "a rule of its own is broken",
    "value": "a value is wrong",
    "code-invalid": "it does not know a code",
}
"""FHIR's issue types in words. What a server writes in its own words may quote a patient, and is not repeated."""
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9.\[\]]{0,79}")


class FhirServer:
    """The FHIR server that the settings name."""

    name = "fhir"

    def __init__(self, settings: Settings) -> None:
        self._exchange = Exchange(settings.fhir_url, settings.report_tls_ca)
        self._token = BearerToken(settings)
        rules = IdentityRules.of(settings.own_issuers_list, settings.nobody_list)
        self._systems = PatientSystems(own=settings.fhir_patient_system, rules=rules)

    def write(self, message: ReportMessage) -> bytes:
        """Write a report as a transaction.

        Raises
        ------
        RefusedError
            If it is unclear whose the report is: the server finds the patient by the number alone.
        """
        require_sure_patient(message.report)
        return transaction(message.report, self._systems).encode()

    def write_withdrawal(self, withdrawal: Withdrawal) -> bytes:
        """Write a transaction after which the report and its observations are entered in error."""
        return withdrawal_transaction(withdrawal.identifiers, self._systems).encode()

    def send(self, body: bytes, key: str) -> None:
        """Send what was written; it counts as sent when the server says that the transaction is done."""
        headers = {"Content-Type": _MEDIA_TYPE, "Accept": _MEDIA_TYPE, "Prefer": "return=minimal"}
        answer = self._exchange.post(body, {**headers, "X-Request-Id": key, **self._token.headers()}, _MOST)
        if answer.is_success:
            return _check(answer)
        if answer.status == 401:
            self._token.forget()
        if answer.status in _NEVER:
            raise RefusedError(_said(answer))
        raise NotSentError(_said(answer), away=answer.is_away, may_have_it=not answer.is_rejection)


def _check(answer: Answer) -> None:
    """Require an answer to be that of a FHIR server that has done all: a page of a proxy says 200 too."""
    if answer.body is None:
        raise NotSentError("its answer is too long")
    said = json_object(answer)
    if said.get("resourceType") != "Bundle" or said.get("type") != "transaction-response":
        raise NotSentError("it answers, but not as a FHIR server that has done a transaction")


def _said(answer: Answer) -> str:
    """Say what a server answered, with the first issue of its OperationOutcome."""
    issues = json_object(answer).get("issue")
    issue = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
    words = _ISSUES.get(str(issue.get("code")), "")
    return ": ".join(filter(None, (answer.sentence, words))) + _where(issue)


def _where(issue: dict[str, Any]) -> str:
    paths = issue.get("expression")
    path = paths[0] if isinstance(paths, list) and paths and isinstance(paths[0], str) else ""
    return f" ({path})" if _PATH.fullmatch(path) else ""
