"""The page of a clinic's settings."""

from __future__ import annotations

from typing import Protocol

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext, refresh
from werkzeug.wrappers import Response

from lungwise.access import Right
from lungwise.clinics.forms import ClinicForm
from lungwise.clinics.service import Clinics
from lungwise.settings import Settings
from lungwise.store import Clock
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("clinics", __name__)


class ClinicServices(Protocol):
    """What the page of a clinic's settings uses in a request."""

    settings: Settings
    clock: Clock
    clinics: Clinics

    @property
    def is_confirmed(self) -> bool:
        """Whether the person has entered their password, or a code, a short while ago."""


services = RequestServices[ClinicServices]("clinics")


@bp.route("/clinic", methods=["GET", "POST"])
def settings() -> str | Response | tuple[str, int]:
    """Show and change the settings of an administrator's clinic."""
    person().need(Right.ADMINISTER)
    used = services()
    form = ClinicForm()
    form.offer(used.settings, used.clock)
    if not used.is_confirmed:  # who finds a browser signed in shall not open the clinic to everybody
        return render_template("clinics/settings.html", form=None)
    if form.validate_on_submit() and _saved(form):
        refresh()
        flash(gettext("Saved."))
        return redirect(url_for("clinics.settings"))
    if not form.is_submitted():
        form.put(used.clinics.choices(person()))
    return render_template("clinics/settings.html", form=form), form.status


def _saved(form: ClinicForm) -> bool:
    clinics = services().clinics
    return form.save(
        lambda: clinics.change(person(), form.choices(), known=form.known.data), lambda: clinics.choices(person())
    )
