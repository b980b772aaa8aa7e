"""The page of held films: an administrator takes each as a film of its own, or discards it."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from lungwise.access import Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.errors import Unavailable
from lungwise.films import open_film
from lungwise.films.dicom.header import read_header
from lungwise.patients.service import PatientFacts
from lungwise.patients.stated_facts import facts_of
from lungwise.receiving.views import services
from lungwise.studies import pictures
from lungwise.studies.object_models import HeldFilm
from lungwise.webkit.current_person import person

bp = Blueprint("held", __name__, url_prefix="/held")


@bp.get("")
def films() -> str:
    """List the held films, each with the film that has its SOP Instance UID."""
    person().need(Right.ADMINISTER)
    rows = []
    for held in services().held.waiting(person()):
        patient = services().studies.patient(person(), held.film.study) if held.film else None
        rows.append((held, _facts(held), patient))
        audit_after_response(Action.SAW, Subject.FILM, held.key)
    return render_template("receiving/held.html", rows=rows)


def _facts(held: HeldFilm) -> PatientFacts | None:
    """Return what a held film says of its patient; None where it cannot be fetched, which hides no other film."""
    try:
        header = read_header(services().held.data(held))
    except Unavailable:
        return None
    return facts_of(header) if header else PatientFacts()


@bp.get("/<key>/thumbnail.jpg")
def thumbnail(key: str) -> Response:
    """Return a held film as a small picture."""
    held_films = services().held
    data = held_films.data(held_films.get(person(), key))
    picture = pictures.picture_or_cross(partial(open_film, data), pictures.THUMBNAIL)
    answer = make_response(pictures.as_jpeg(picture))
    answer.content_type = "image/jpeg"
    return answer


@bp.post("/<key>/take")
def take(key: str) -> AnyResponse:
    """Make a held film a film of a study of its own."""
    study = services().uploads.take(person(), key)
    flash(gettext("The film is accepted."))
    return redirect(url_for("studies.show", key=study))


@bp.post("/<key>/discard")
def discard(key: str) -> AnyResponse:
    """Delete a held film."""
    services().held.discard(person(), key)
    flash(gettext("The film is discarded."))
    return redirect(url_for("held.films"))
