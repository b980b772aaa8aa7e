"""The pages of reports."""

from __future__ import annotations

from typing import Protocol

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response

from lungwise.access import Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.reports.pdf import report_pdf
from lungwise.reports.service import Reports
from lungwise.reports.tables import worklist_csv
from lungwise.settings import Settings
from lungwise.studies.film_headers import differing_headers
from lungwise.studies.forms import WorklistForm
from lungwise.studies.service import Studies
from lungwise.studies.worklist import Worklist
from lungwise.webkit.current_person import person
from lungwise.webkit.forms import only_valid
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("reports", __name__)


class ReportServices(Protocol):
    """What the pages of reports use in a request."""

    settings: Settings
    studies: Studies
    reports: Reports
    worklist: Worklist

    @property
    def clinic(self) -> str:
        """The clinic's name."""


services = RequestServices[ReportServices]("reports")


@bp.get("/studies/<key>/report")
def page(key: str) -> str:
    """Show a study's report as a page to print."""
    person().need(Right.EXPORT)
    study = services().studies.get(person(), key)
    patient = services().studies.patient(person(), study)
    audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    headers = differing_headers(study, patient, services().studies.data)
    return render_template("reports/page.html", study=study, patient=patient, clinic=services().clinic, headers=headers)


@bp.get("/studies/<key>/report.pdf")
def pdf(key: str) -> Response:
    """Give a study's report as PDF."""
    report = services().reports.of(person(), key, services().clinic)
    audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    answer = make_response(report_pdf(report, services().settings.report_font))
    answer.content_type = "application/pdf"
    answer.headers["Content-Disposition"] = f'attachment; filename="study-{key}.pdf"'
    return answer


@bp.post("/studies.csv")
def table() -> Response:
    """Give the worklist, as filtered, as a table."""
    person().need(Right.EXPORT)
    form = WorklistForm()
    only_valid(form)
    answer = make_response(worklist_csv(services().worklist.all(person(), form.query())))
    answer.content_type = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = 'attachment; filename="studies.csv"'
    audit_after_response(Action.EXPORTED, Subject.WORKLIST, "")
    return answer
