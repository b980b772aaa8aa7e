"""The page of old studies: what is due, and its removal once an administrator agrees."""

from __future__ import annotations

from typing import Protocol

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import lazy_gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField, SubmitField
from wtforms.validators import InputRequired, Length

from lungwise.access import Right
from lungwise.studies.retention import AT_ONCE, Retention
from lungwise.webkit.current_person import person
from lungwise.webkit.forms import PageForm, attempt
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("retention", __name__)


class RetentionServices(Protocol):
    """What the page of old studies uses in a request."""

    retention: Retention

    @property
    def is_confirmed(self) -> bool:
        """Whether the person has entered their password, or a code, a short while ago."""


services = RequestServices[RetentionServices]("retention")


class RemoveForm(PageForm):
    """Agree to what is shown."""

    agreement = HiddenField(validators=[InputRequired(), Length(max=20)])
    sure = BooleanField(_("Delete permanently; this cannot be undone"), [InputRequired(_("Tick this first."))])
    submit = SubmitField(_("Delete"))


@bp.route("/clinic/old-studies", methods=["GET", "POST"])
def show() -> str | Response:
    """Show the studies that are older than the clinic keeps them, and remove them."""
    person().need(Right.ADMINISTER)
    if not services().is_confirmed:
        return render_template("studies/old_studies.html", form=None)
    form = RemoveForm()
    if form.validate_on_submit() and (count := _removed(form)):
        flash(ngettext("%(num)s study is deleted.", "%(num)s studies are deleted.", count))
        return redirect(url_for("retention.show"))
    old = services().retention.preview(person())
    form.agreement.data = old.agreement if old else ""
    return render_template("studies/old_studies.html", form=form, old=old, at_once=AT_ONCE)


def _removed(form: RemoveForm) -> int:
    return attempt(form, lambda: services().retention.remove(person(), form.agreement.data or "")) or 0
