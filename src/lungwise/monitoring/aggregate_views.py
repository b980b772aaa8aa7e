"""The page of a clinic's weeks in counts, for a health programme."""

from __future__ import annotations

import json
from typing import Protocol

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext

from lungwise.access import Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.errors import Rejected
from lungwise.inputs import MOST_WEEKS
from lungwise.monitoring.aggregate_words import EXPLANATIONS
from lungwise.monitoring.aggregates import COUNTS, Aggregates, WeekAggregate, aggregates_csv
from lungwise.monitoring.dhis2 import data_value_set
from lungwise.monitoring.local_words import explained
from lungwise.settings import Settings
from lungwise.webkit import downloads
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("aggregates", __name__)
_WEEKS = 12


class AggregateServices(Protocol):
    """What these pages use in a request."""

    settings: Settings
    aggregates: Aggregates

    @property
    def clinic(self) -> str:
        """The name of the clinic of the account that is signed in."""


services = RequestServices[AggregateServices]("aggregates")


@bp.get("/aggregates")
def show() -> str:
    """Show the clinic's weeks in counts."""
    weeks = _weeks()
    try:
        data_value_set(weeks, services().clinic, services().settings)
        hindrance = ""
    except Rejected as rejected:
        hindrance = rejected.translated(gettext)
    return render_template(
        "monitoring/aggregates.html",
        weeks=weeks,
        counts=COUNTS,
        explained=explained(EXPLANATIONS),
        hindrance=hindrance,
    )


@bp.get("/aggregates.csv")
def table() -> Response:
    """Return the clinic's weeks in counts as a table."""
    text = aggregates_csv(_weeks())
    _audit()
    return downloads.table(text, "weekly-numbers.csv")


@bp.get("/aggregates.json")
def dhis2() -> Response:
    """Return the clinic's weeks in counts as a data value set for DHIS2."""
    values = data_value_set(_weeks(), services().clinic, services().settings)
    _audit()
    return downloads.attachment(json.dumps(values, indent=1), "application/json", "dhis2.json")


def _weeks() -> list[WeekAggregate]:
    person().need(Right.ADMINISTER)
    asked = request.args.get("weeks", "")
    weeks = int(asked) if asked.isdecimal() and asked.isascii() and len(asked) < 4 else _WEEKS
    return services().aggregates.of(person(), min(max(weeks, 1), MOST_WEEKS))


def _audit() -> None:
    audit_after_response(Action.EXPORTED, Subject.CLINIC, str(person().clinic_id))
