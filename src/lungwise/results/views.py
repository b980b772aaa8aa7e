"""The page that offers a film's results as DICOM objects."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from lungwise.access import Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.reports.views import services as report_services
from lungwise.webkit.current_person import person
from lungwise.webkit.downloads import attachment

bp = Blueprint("results", __name__)


@bp.get("/films/<key>/results.zip")
def archive(key: str) -> Response:
    """Return a film's results as DICOM objects: structured report, heat map and report."""
    from lungwise.results.film_results import FilmResults  # here: highdicom is slow to load

    person().need(Right.EXPORT)
    services = report_services()
    film = services.studies.film(person(), key)
    results = FilmResults(services.studies, services.reports, services.clinic, services.clinic_settings.zone)
    data = results.archive(person(), film)
    audit_after_response(Action.EXPORTED, Subject.FILM, key)
    return attachment(data, "application/zip", f"results-{key}.zip")
