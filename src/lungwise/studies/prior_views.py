"""A patient's earlier film beside the films of a study."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response

from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response, audit_sight_after_response
from lungwise.errors import NotFound
from lungwise.studies import pictures
from lungwise.studies.priors import Priors
from lungwise.studies.service import Studies
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("priors", __name__)


class PriorServices(Protocol):
    """What the pages of earlier films use in a request."""

    studies: Studies
    priors: Priors


services = RequestServices[PriorServices]("priors")


@bp.get("/studies/<key>/earlier/<prior>")
def compare(key: str, prior: str) -> str:
    """Show an earlier film and the films of a study side by side, by the day on which they were taken."""
    study = services().studies.get(person(), key)
    patient = services().studies.patient(person(), study)
    priors = services().priors.of_patient(person(), patient)
    shown = next((one for one in priors if one.key == prior), None)
    if shown is None:
        raise NotFound
    audit_sight_after_response(Subject.STUDY, key)
    audit_after_response(Action.SAW, Subject.FILM, prior)
    return render_template("studies/earlier.html", study=study, patient=patient, priors=priors, prior=shown)


@bp.get("/earlier-films/<key>/picture.jpg")
def picture(key: str) -> Response:
    """Return an earlier film as a picture for half a page."""
    return _drawn(key, pictures.ON_PAGE)


@bp.get("/earlier-films/<key>/thumbnail.jpg")
def thumbnail(key: str) -> Response:
    """Return an earlier film as a small picture."""
    return _drawn(key, pictures.THUMBNAIL)


def _drawn(key: str, side: int) -> Response:
    prior = services().priors.get(person(), key)
    audit_sight_after_response(Subject.FILM, key, *services().priors.shown_with(person(), prior))
    image = pictures.picture_or_cross(partial(services().priors.opened, prior), side)
    answer = make_response(pictures.as_jpeg(image))
    answer.content_type = "image/jpeg"
    return answer
