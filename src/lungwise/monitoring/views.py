"""The pages of a clinic in numbers, and of drift."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Protocol

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import format_date, gettext
from werkzeug.wrappers import Response

from lungwise.monitoring import charts
from lungwise.monitoring.alarms import Alarms
from lungwise.monitoring.answer_changes import SPANS
from lungwise.monitoring.cusum import BASELINE
from lungwise.monitoring.drift import (
    EDGES,
    FEWEST_FILMS,
    NOTABLE_DISTANCE,
    Drift,
    Spread,
    WeekSpread,
    distance_decimals,
)
from lungwise.monitoring.error_charts import ErrorChart
from lungwise.monitoring.local_words import explained
from lungwise.monitoring.models import ANSWERS
from lungwise.monitoring.statistics import ClinicStatistics, Statistics
from lungwise.monitoring.steadiness import ClinicSteadiness
from lungwise.monitoring.steady_answer import steady_answer
from lungwise.monitoring.watch_words import CAUSES, EXPLANATIONS, FEATURES, TITLES
from lungwise.studies.labels import FINDINGS
from lungwise.studies.models import StudyStatus
from lungwise.webkit.current_person import person
from lungwise.webkit.i18n import decimal
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("monitoring", __name__)
_KINDS = (*(f"band{number}" for number in range(len(EDGES) + 1)), "refused")
"""The styles of the parts of a column of drift, from the bottom."""


class MonitoringServices(Protocol):
    """What these pages use in a request."""

    statistics: ClinicStatistics
    drift: Drift
    alarms: Alarms
    steadiness: ClinicSteadiness


services = RequestServices[MonitoringServices]("monitoring")


@bp.get("/statistics")
def statistics() -> str:
    """Show the clinic in numbers."""
    numbers = services().statistics.count(person())
    return render_template(
        "monitoring/statistics.html", numbers=numbers, weeks=_weeks_chart(numbers), statuses=list(StudyStatus)
    )


@bp.get("/drift")
def drift() -> str:
    """Show how the model's probabilities are spread week by week, beside those on its validation films."""
    weeks = services().drift.weeks(person())
    reference = services().drift.reference
    chart = _drift_chart([reference.spread, *(week.spread for week in weeks)], weeks)
    bands = [f"{decimal(low, 1)}-{decimal(high, 1)}" for low, high in pairwise((0, *EDGES, 1))]
    return render_template(
        "monitoring/drift.html",
        weeks=weeks,
        reference=reference,
        answer=steady_answer(weeks, reference.spread),
        together=SPANS[-1],
        chart=chart,
        bands=bands,
        fewest=FEWEST_FILMS,
        far_apart=NOTABLE_DISTANCE,
        kinds=_KINDS,
        distance_decimals=distance_decimals,
        **_more(),
    )


@bp.post("/drift/alarms/<key>/acknowledge")
def acknowledge(key: str) -> Response:
    """Keep that an administrator has seen an alarm."""
    alarm = services().alarms.acknowledge(person(), key)
    flash(gettext("Acknowledged.") if alarm.sort == ANSWERS else gettext("Acknowledged. The count begins anew."))
    return redirect(url_for("monitoring.drift", _anchor="alarms"))


def _more() -> dict[str, Any]:
    """Return what the page shows beside the spread of the answers: mistakes, changes, refusals, agreement."""
    alarms = services().alarms
    model, charts = alarms.charts(person())
    return {
        "steadiness": services().steadiness.of(person(), model),
        "features": FEATURES,
        "causes": CAUSES,
        "open": alarms.open(person()),
        "past": alarms.past(person()),
        "error_charts": charts,
        "error_chart": _error_chart,
        "chart_title": _chart_title,
        "baseline": BASELINE,
        "explained": explained(EXPLANATIONS),
    }


def _chart_title(chart: ErrorChart) -> str:
    return str(gettext(TITLES[chart.errors], finding=gettext(FINDINGS[chart.finding])))


def _error_chart(chart: ErrorChart) -> str:
    assert chart.course and chart.chart  # noqa: S101 - only those are drawn
    title = gettext("The sum after each film with a result, and the limit: %(what)s", what=_chart_title(chart))
    return charts.course(title, chart.course.sums, chart.chart.limit, chart.course.alarms)


def _drift_chart(spreads: list[Spread], weeks: list[WeekSpread]) -> str:
    return charts.stacks(
        gettext("Films by probability, and films refused: on the model card, then week by week"),
        [gettext("Model card"), *(format_date(week.begins, "d MMM") for week in weeks)],
        [[count / spread.films for count in spread.counts] if spread.films else [] for spread in spreads],
        _KINDS,
    )


def _weeks_chart(numbers: Statistics) -> str:
    return charts.columns(
        gettext("Studies per week, and the positive ones among them"),
        [format_date(week.begins, "d MMM") for week in numbers.weeks],
        [week.studies for week in numbers.weeks],
        [week.positive for week in numbers.weeks],
    )
