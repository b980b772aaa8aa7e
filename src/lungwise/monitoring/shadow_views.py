"""The page on a second model that reads beside the one in use, for administrators alone."""

from __future__ import annotations

from typing import Protocol

from flask import Blueprint, render_template

from lungwise.access import Right
from lungwise.monitoring.local_views import SHORT_BY_LEVEL
from lungwise.monitoring.local_words import RAISED, explained
from lungwise.monitoring.models_in_use import ModelsInUse
from lungwise.monitoring.shadow import Shadows
from lungwise.monitoring.shadow_words import EXPLANATIONS
from lungwise.reading.pattern import COVID
from lungwise.studies.labels import FINDINGS
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("shadow", __name__)


class ShadowServices(Protocol):
    """What this page uses in a request."""

    shadows: Shadows
    models_in_use: ModelsInUse


services = RequestServices[ShadowServices]("shadow")


@bp.get("/second-model")
def show() -> str:
    """Show what a second model says beside the one in use, how good both are, and how to change over."""
    person().need(Right.ADMINISTER)
    return render_template(
        "monitoring/second_model.html",
        beside=services().shadows.newest(person()),
        models=services().models_in_use.newest(person()),
        levels=SHORT_BY_LEVEL,
        said_of=lambda finding: SHORT_BY_LEVEL if finding == COVID else {**SHORT_BY_LEVEL, **RAISED},
        findings=FINDINGS,
        explained=explained(EXPLANATIONS),
    )
