"""Reports and numbers by the API."""

from __future__ import annotations

from flask import Response
from flask_babel import gettext

from lungwise.accounts.bearer import clinic
from lungwise.accounts.tokens import Scope
from lungwise.api import schemas
from lungwise.api.framework.operations import Operations
from lungwise.api.resources.representations import patient_of, study_of
from lungwise.api.services import services
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.monitoring.statistics import Share
from lungwise.reports.pdf import report_pdf
from lungwise.studies.film_headers import differing_headers
from lungwise.studies.labels import LIMITS, MEANINGS, VERDICTS
from lungwise.webkit.current_person import person

reports = Operations()


@reports.get("/studies/<key:key>/report", schemas.Report, scope=Scope.EXPORT)
def get_report(key: str) -> schemas.Report:
    """Get a study's report as JSON, its sentences in the language that Accept-Language asks for."""
    study = services().studies.get(person(), key)
    patient = services().studies.patient(person(), study)
    audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    return schemas.Report(
        clinic=clinic(),
        patient=patient_of(patient),
        study=study_of(study, patient, services().studies.data),
        verdict=gettext(VERDICTS[study.standing]),
        meaning=gettext(MEANINGS[study.standing]),
        limits=gettext(LIMITS),
    )


@reports.get("/studies/<key:key>/report.pdf", "application/pdf", scope=Scope.EXPORT)
def get_report_pdf(key: str) -> Response:
    """Get a study's report as PDF, in the language that Accept-Language asks for."""
    font = services().settings.report_font
    report = services().reports.of(person(), key, clinic())
    audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    return Response(report_pdf(report, font), content_type="application/pdf")


@reports.get("/studies/<key:key>/report.fhir", "application/fhir+json", scope=Scope.EXPORT)
def get_report_fhir(key: str) -> Response:
    """Get a study's report as a FHIR R4 bundle: the patient, a DiagnosticReport, an Observation for each film."""
    from lungwise.reports.fhir import bundle  # its library loads for half a second, and few ask for it

    study = services().studies.get(person(), key)
    patient = services().studies.patient(person(), study)
    text = bundle(study, patient, clinic(), differing_headers(study, patient, services().studies.data))
    audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    return Response(text, content_type="application/fhir+json")


@reports.get("/statistics", schemas.Statistics)
def get_statistics() -> schemas.Statistics:
    """Get the clinic in numbers, of the last 26 weeks."""
    numbers = services().statistics.count(person())
    return schemas.Statistics(
        studies=numbers.studies,
        standings={standing.value: count for standing, count in numbers.standings.items()},
        weeks=[
            schemas.Week(begins=week.begins, studies=week.studies, positive=week.positive) for week in numbers.weeks
        ],
        agreement=_share(numbers.agreement),
        sensitivity=_share(numbers.sensitivity),
        specificity=_share(numbers.specificity),
        uncertain_with_pcr=numbers.uncertain_with_pcr,
    )


def _share(share: Share) -> schemas.Share:
    lower, upper = share.interval
    return schemas.Share(count=share.count, total=share.total, value=share.value, lower=lower, upper=upper)
