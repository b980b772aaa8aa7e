"""The page that gives a film's results as DICOM objects."""

from __future__ import annotations

from flask import Blueprint, make_response
from werkzeug.wrappers import Response

from lungwise.access import Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.reports.views import services as report_services
from lungwise.webkit.current_person import person

bp = Blueprint("results", __name__)


@bp.get("/films/<key>/results.zip")
def archive(key: str) -> Response:
    """Give a film's results as DICOM objects: structured report, heat map and report."""
    from lungwise.results.film_results import FilmResults  # here: highdicom is slow to load

    person().need(Right.EXPORT)
    film = report_services().studies.film(person(), key)
    services = report_services()
    results = FilmResults(services.studies, services.reports, services.clinic, services.settings.report_font)
    answer = make_response(results.archive(person(), film))
    answer.content_type = "application/zip"
    answer.headers["Content-Disposition"] = f'attachment; filename="results-{key}.zip"'
    audit_after_response(Action.EXPORTED, Subject.FILM, key)
    return answer
