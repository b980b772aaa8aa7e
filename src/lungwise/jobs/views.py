"""The pages of the queue: what waits to be read, and what failed."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from lungwise.jobs.queue import Queue
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("jobs", __name__)
services = RequestServices[Queue]("jobs")
Answer = str | Response


@bp.get("/queue")
def queue() -> Answer:
    """Show what waits to be read, and the clinic's films whose reading failed."""
    failed = services().failed(person())
    return render_template("jobs/queue.html", counts=services().counts(), failed=failed)


@bp.post("/films/<key>/retry")
def retry(key: str) -> Answer:
    """Have a film read again whose reading failed."""
    if services().retry_film(person(), key):
        flash(gettext("The film is back in the queue."))
    return redirect(url_for("jobs.queue"))
