"""The pages of reports."""

from __future__ import annotations

from itertools import pairwise

from flask import Blueprint, make_response, render_template
from flask_babel import format_date, gettext
from werkzeug.wrappers import Response

from lungwise.access import Right
from lungwise.monitoring.drift import EDGES, LEAST, Spread
from lungwise.monitoring.drift import Week as DriftWeek
from lungwise.monitoring.statistics import Statistics
from lungwise.reports import charts
from lungwise.reports.pdf import report_pdf
from lungwise.reports.service import Reports
from lungwise.reports.tables import worklist_csv
from lungwise.studies.film_headers import differing_headers
from lungwise.studies.forms import WorklistForm
from lungwise.studies.service import StudyStatus
from lungwise.webkit.request_services import desk, only_valid, person, user

bp = Blueprint("reports", __name__)
_KINDS = (*(f"band{number}" for number in range(len(EDGES) + 1)), "refused")
"""The styles of the parts of a column of drift, from the bottom."""


@bp.get("/studies/<key>/report")
def page(key: str) -> str:
    """Show a study's report as a page to print."""
    person().need(Right.EXPORT)
    study = desk().studies.get(person(), key)
    patient = desk().studies.patient(person(), study)
    desk().note("exported", "study", key)
    headers = differing_headers(study, patient, desk().studies.data)
    return render_template(
        "reports/page.html", study=study, patient=patient, clinic=user().clinic.name, headers=headers
    )


@bp.get("/studies/<key>/report.pdf")
def pdf(key: str) -> Response:
    """Give a study's report as PDF."""
    report = _reports().of(person(), key, user().clinic.name)
    desk().note("exported", "study", key)
    answer = make_response(report_pdf(report, desk().settings.report_font))
    answer.content_type = "application/pdf"
    answer.headers["Content-Disposition"] = f'attachment; filename="study-{key}.pdf"'
    return answer


@bp.get("/films/<key>/results.zip")
def results(key: str) -> Response:
    """Give a film's results as DICOM objects: structured report, heat map and report."""
    from lungwise.results.film_results import FilmResults  # here: highdicom is slow to load

    person().need(Right.EXPORT)
    film = desk().studies.film(person(), key)
    packed = FilmResults(desk().studies, _reports(), user().clinic.name, desk().settings.report_font)
    answer = make_response(packed.archive(person(), film))
    answer.content_type = "application/zip"
    answer.headers["Content-Disposition"] = f'attachment; filename="results-{key}.zip"'
    desk().note("exported", "film", key)
    return answer


@bp.post("/studies.csv")
def table() -> Response:
    """Give the worklist, as filtered, as a table."""
    person().need(Right.EXPORT)
    form = WorklistForm()
    only_valid(form)
    answer = make_response(worklist_csv(desk().worklist.all(person(), form.wanted())))
    answer.content_type = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = 'attachment; filename="studies.csv"'
    desk().note("exported", "worklist", "")
    return answer


@bp.get("/statistics")
def statistics() -> str:
    """Show the clinic in numbers."""
    numbers = desk().statistics.count(person())
    return render_template(
        "reports/statistics.html", numbers=numbers, weeks=_weeks_chart(numbers), standings=list(StudyStatus)
    )


@bp.get("/drift")
def drift() -> str:
    """Show how the model's answers are spread week by week, beside those on its validation films."""
    weeks = desk().drift.weeks(person())
    reference = desk().drift.reference
    chart = _drift_chart([reference.spread, *(week.spread for week in weeks)], weeks)
    bands = [f"{low:.1f}-{high:.1f}" for low, high in pairwise((0, *EDGES, 1))]
    return render_template(
        "reports/drift.html", weeks=weeks, reference=reference, chart=chart, bands=bands, least=LEAST, kinds=_KINDS
    )


def _reports() -> Reports:
    return Reports(desk().studies, gettext, desk().settings.report_font)


def _drift_chart(spreads: list[Spread], weeks: list[DriftWeek]) -> str:
    return charts.stacks(
        gettext("Share of the probabilities by fifths, and of refused films: the model card's, then each week's"),
        [gettext("Card"), *(format_date(week.begins, "d MMM") for week in weeks)],
        [[count / spread.films for count in spread.counts] if spread.films else [] for spread in spreads],
        _KINDS,
    )


def _weeks_chart(numbers: Statistics) -> str:
    return charts.columns(
        gettext("Studies of each week, and the positive ones among them"),
        [format_date(week.begins, "d MMM") for week in numbers.weeks],
        [week.studies for week in numbers.weeks],
        [week.positive for week in numbers.weeks],
    )
