"""The page on which a person says where the film lies in a photograph."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from lungwise.audit.actions import Subject
from lungwise.audit.after_response import audit_sight_after_response
from lungwise.films import Refusal
from lungwise.films.refusals import refusal_sentence
from lungwise.receiving.forms import CornersForm, PhotographForm
from lungwise.receiving.views import services
from lungwise.studies import pictures
from lungwise.webkit.current_person import person
from lungwise.webkit.forms import attempt

bp = Blueprint("photographs", __name__)


@bp.route("/films/<key>/corners", methods=["GET", "POST"])
def corners(key: str) -> str | Response:
    """Show a photograph with the corners of the film in it, to be moved, and have the film read from there."""
    film = services().photographs.film(person(), key)
    form = CornersForm()
    if form.validate_on_submit() and attempt(form, lambda: services().photographs.mark(person(), key, form.corners())):
        following = next((other for other in film.study.films if other.asks_for_corners), None)
        if following:
            return redirect(url_for("photographs.corners", key=following.key))
        return redirect(url_for("studies.show", key=film.study.key))
    try:
        whole = services().photographs.whole(film)
    except Refusal as refusal:
        flash(refusal_sentence(refusal, gettext))
        return redirect(url_for("studies.show", key=film.study.key))
    if not form.is_submitted():
        form.put(services().photographs.corners(film, whole))
    height, width = whole.pixels.shape
    return render_template(
        "receiving/corners.html",
        film=film,
        patient=services().studies.patient(person(), film.study),
        form=form,
        again=PhotographForm(formdata=None),
        width=width,
        height=height,
    )


@bp.get("/films/<key>/photograph.jpg")
def photograph(key: str) -> Response:
    """Return the whole picture that a film was photographed in."""
    film = services().photographs.film(person(), key)
    audit_sight_after_response(Subject.FILM, key, film.study.key)
    image = pictures.picture_or_cross(partial(services().photographs.whole, film))
    answer = make_response(pictures.as_jpeg(image))
    answer.content_type = "image/jpeg"
    return answer
