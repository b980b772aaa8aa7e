"""The page on local accuracy: how good the model is on a clinic's own films."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from flask import Blueprint, render_template, request
from flask_babel import format_date, gettext
from markupsafe import Markup

from lungwise.access import Right
from lungwise.clinics.clinic_settings import ClinicSettings
from lungwise.clinics.thresholds import Thresholds
from lungwise.errors import NotFound
from lungwise.monitoring import cost_chart
from lungwise.monitoring.draft import MOVABLE, in_force
from lungwise.monitoring.film_table import FINDINGS
from lungwise.monitoring.local_films import ClinicFilms
from lungwise.monitoring.local_report import LocalReport, report, thresholds_of
from lungwise.monitoring.local_words import EXPLANATIONS, GROUPS, RAISED, explained
from lungwise.monitoring.models_in_use import current_model
from lungwise.patients.labels import SEXES
from lungwise.reading.artefact import shipped_card
from lungwise.reading.pattern import COVID
from lungwise.studies.labels import FINDINGS as FINDING_LABELS
from lungwise.studies.labels import SHORT
from lungwise.studies.numbers import decimals_apart, percent
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("local_accuracy", __name__)
_VERDICTS = ("negative", "uncertain", "positive")


class LocalServices(Protocol):
    """What this page uses in a request."""

    clinic_films: ClinicFilms
    thresholds: Thresholds

    @property
    def clinic_settings(self) -> ClinicSettings:
        """How the clinic is set."""


services = RequestServices[LocalServices]("local_accuracy")


@bp.get("/local-accuracy")
def show() -> str:
    """Show how good the model is on the clinic's own films, for one finding."""
    person().need(Right.SEE_ALL)
    finding = request.args.get("finding", COVID)
    if finding not in FINDINGS:
        raise NotFound
    used, own = services().clinic_films, services().thresholds.in_force(person().clinic_id)
    model, days = used.model_in_use(person()), used.days_of(person().clinic_id)
    now = in_force(finding, thresholds_of(shipped_card(), finding), own)
    found = None
    if model:
        local = used.of(person(), model, finding).recalibrated(now.recalibration)
        found = report(finding, local, now.thresholds)
    return render_template(
        "monitoring/local_accuracy.html",
        findings={name: FINDING_LABELS[name] for name in FINDINGS},
        finding=finding,
        model=current_model(),
        report=found,
        chart=_chart(found) if found and found.curve else None,
        explained=explained(EXPLANATIONS, days=days),
        said=SHORT_BY_LEVEL if finding == COVID else RAISED,
        decimals=_decimals(found) if found else 0,
        groups=GROUPS,
        label_of=_label,
        days=days,
        own=own,
        sampled=services().clinic_settings.sampled,
        may_move=finding in MOVABLE,
    )


SHORT_BY_LEVEL: Mapping[int, str] = dict(enumerate(SHORT[verdict] for verdict in _VERDICTS))


def _label(kind: str, label: str) -> str:
    """Write what a group's films have in common."""
    if not label:
        return str(gettext("Not known"))
    if kind == "sex":
        return str(gettext(SEXES[label]))
    if kind == "month":
        return str(format_date(date.fromisoformat(f"{label}-01"), "MMM y"))
    return label


def _decimals(found: LocalReport) -> int:
    """Return with how many decimals the thresholds are written, so that no two of them look equal."""
    return decimals_apart(*(100 * one.cost.threshold for one in found.costs))


def _chart(found: LocalReport) -> Markup:
    decimals = _decimals(found)
    in_force = [(percent(one.cost.threshold, decimals), one.cost) for one in found.costs if one.in_force]
    return cost_chart.curve(
        gettext("What each threshold would cost: films that are tested, and patients who are missed"),
        gettext("Tested, of 100 films"),
        gettext("Missed, of 10 patients with the finding"),
        found.curve,
        in_force,
    )
