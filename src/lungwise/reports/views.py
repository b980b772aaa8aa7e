"""The pages of reports."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol

from flask import Blueprint, redirect, render_template, url_for
from flask_babel import get_timezone
from werkzeug.wrappers import Response

from lungwise.access import Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.clinics.service import ClinicSettings
from lungwise.errors import Rejected
from lungwise.reports.patient_export import PatientExport
from lungwise.reports.service import Reports
from lungwise.reports.tables import worklist_csv
from lungwise.store import Clock
from lungwise.studies.forms import WorklistForm
from lungwise.studies.headlines import Headlines
from lungwise.studies.service import Studies
from lungwise.studies.worklist import Worklist
from lungwise.webkit import downloads
from lungwise.webkit.current_person import person
from lungwise.webkit.downloads import attachment
from lungwise.webkit.forms import only_valid
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("reports", __name__)


class ReportServices(Protocol):
    """What the pages of reports use in a request."""

    clock: Clock
    studies: Studies

    def worklist_at_one_moment(self) -> AbstractContextManager[Worklist]:
        """Open the worklist as it is now, whatever others do meanwhile."""

    @property
    def headlines(self) -> Headlines:
        """Writes the headlines of films and studies."""

    @property
    def reports(self) -> Reports:
        """Makes the reports of the clinic's studies."""

    @property
    def patient_export(self) -> PatientExport:
        """Writes all that is kept about a patient."""

    @property
    def clinic(self) -> str:
        """The clinic's name."""

    @property
    def clinic_settings(self) -> ClinicSettings:
        """How the clinic is set."""


services = RequestServices[ReportServices]("reports")


@bp.get("/studies/<key>/report")
def page(key: str) -> str:
    """Show a study's report as a page to print."""
    report = services().reports.of(person(), key, services().clinic)
    audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    return render_template("reports/page.html", report=report, unwritable=services().reports.unwritable(report))


@bp.get("/studies/<key>/report.pdf")
def pdf(key: str) -> Response:
    """Return a study's report as PDF, or show the page that says why there is none."""
    try:
        data = services().reports.pdf(person(), key, services().clinic)
    except Rejected:
        return redirect(url_for("reports.page", key=key))
    audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    return attachment(data, "application/pdf", f"study-{key}.pdf")


@bp.get("/patients/<key>/export.zip")
def patient(key: str) -> Response:
    """Return all that is kept about a patient, as a ZIP file with an index."""
    write = partial(services().patient_export.write, person(), key, services().clinic)
    response = downloads.stream(write, "application/zip", f"patient-{key}.zip")
    audit_after_response(Action.EXPORTED, Subject.PATIENT, key)
    return response


@bp.post("/studies.csv")
def table() -> Response:
    """Return the worklist, as filtered, as a table."""
    person().need(Right.EXPORT)
    form = WorklistForm()
    only_valid(form)
    zone = get_timezone()
    with services().worklist_at_one_moment() as worklist:
        text = worklist_csv(worklist.all(person(), form.query()), services().headlines, zone)
    audit_after_response(Action.EXPORTED, Subject.WORKLIST, "")
    return downloads.table(text, f"studies-{services().clock().astimezone(zone):%Y-%m-%d}.csv")
