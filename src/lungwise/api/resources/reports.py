"""Reports and numbers by the API."""

from __future__ import annotations

from flask import Response

from lungwise.access import Right
from lungwise.accounts.bearer import clinic
from lungwise.accounts.tokens import Scope
from lungwise.api import schemas
from lungwise.api.framework.operations import Operations
from lungwise.api.resources.representations import report_of
from lungwise.api.services import services
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.webkit.current_person import person

reports = Operations()


@reports.get("/studies/<key:key>/report", schemas.Report, scope=Scope.EXPORT)
def get_report(key: str) -> schemas.Report:
    """Get a study's report as JSON, its sentences in the language that Accept-Language asks for."""
    report = services().reports.of(person(), key, clinic())
    audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    return report_of(report, services().studies.data, services().headlines)


@reports.get("/studies/<key:key>/report.pdf", "application/pdf", scope=Scope.EXPORT, may_contradict=True)
def get_report_pdf(key: str) -> Response:
    """Get a study's report as PDF, in the language that Accept-Language asks for.

    Where no font has a letter of the patient's name there is none: 409 says which letters they are.
    """
    data = services().reports.pdf(person(), key, clinic())
    audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    return Response(data, content_type="application/pdf")


@reports.get("/studies/<key:key>/report.fhir", "application/fhir+json", scope=Scope.EXPORT)
def get_report_fhir(key: str) -> Response:
    """Get a study's report as a FHIR R4 bundle: the patient, a DiagnosticReport, an Observation for each film."""
    from lungwise.reports.fhir import bundle  # its library loads for half a second, and few ask for it

    text = bundle(services().reports.of(person(), key, clinic(), str))
    audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    return Response(text, content_type="application/fhir+json")


@reports.get("/statistics", schemas.Statistics, right=Right.SEE_ALL)
def get_statistics() -> schemas.Statistics:
    """Get the clinic in numbers, of the last 26 weeks."""
    return schemas.Statistics.model_validate(services().statistics.count(person()), from_attributes=True)
