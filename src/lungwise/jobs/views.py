"""The page of the queue: what waits to be read or sent, and what failed."""

from __future__ import annotations

from typing import Protocol

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from lungwise.jobs.queue import Queue
from lungwise.jobs.unsent import Unsent
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("jobs", __name__)


class JobServices(Protocol):
    """What the pages of the queue use in a request."""

    queue: Queue
    unsent: Unsent


services = RequestServices[JobServices]("jobs")
Answer = str | Response


@bp.get("/queue")
def queue() -> Answer:
    """Show what waits to be read, the clinic's films whose reading failed, and its results that are not sent."""
    jobs = services().queue
    failed = jobs.failed(person())
    unsent = services().unsent.of_clinic(person())
    return render_template("jobs/queue.html", counts=jobs.counts(), failed=failed, unsent=unsent)


@bp.post("/films/<key>/retry")
def retry(key: str) -> Answer:
    """Have a film read again whose reading failed."""
    if services().queue.retry_film(person(), key):
        flash(gettext("The film is back in the queue."))
    return redirect(url_for("jobs.queue"))
