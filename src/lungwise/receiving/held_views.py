"""The page of films kept aside: an administrator takes each as a film of its own, or discards it."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from lungwise.access import Right
from lungwise.films import Refusal, open_film
from lungwise.films.dicom.header import read_header
from lungwise.patients.service import PatientFacts
from lungwise.receiving.stated_facts import facts_of
from lungwise.studies import pictures
from lungwise.webkit.request_services import desk, person

bp = Blueprint("held", __name__, url_prefix="/held")


@bp.get("")
def films() -> str:
    """List the films kept aside, each beside the film that has its SOP Instance UID."""
    person().need(Right.ADMINISTER)
    service = desk().studies.held
    rows = []
    for held in service.waiting(person()):
        header = read_header(service.data(held))
        patient = desk().studies.patient(person(), held.film.study) if held.film else None
        rows.append((held, facts_of(header) if header else PatientFacts(), patient))
        desk().note("saw", "film", held.key)
    return render_template("studies/held.html", rows=rows)


@bp.get("/<key>/thumbnail.jpg")
def thumbnail(key: str) -> Response:
    """Give a film kept aside as a small picture."""
    service = desk().studies.held
    data = service.data(service.get(person(), key))
    try:
        picture = pictures.picture(open_film(data), pictures.THUMBNAIL)
    except Refusal:
        picture = pictures.no_picture()
    answer = make_response(pictures.as_jpeg(picture))
    answer.content_type = "image/jpeg"
    return answer


@bp.post("/<key>/take")
def take(key: str) -> AnyResponse:
    """Make a film kept aside a film of a study of its own."""
    study = desk().upload().take(person(), key)
    flash(gettext("The film is taken. It has a SOP Instance UID of its own now."))
    return redirect(url_for("studies.show", key=study))


@bp.post("/<key>/discard")
def discard(key: str) -> AnyResponse:
    """Delete a film kept aside."""
    desk().after_commit.append(desk().studies.held.discard(person(), key))
    flash(gettext("The film is discarded."))
    return redirect(url_for("held.films"))
