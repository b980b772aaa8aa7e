"""The pages by which films come in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from lungwise.access import Right
from lungwise.errors import Rejected
from lungwise.patients.service import Patient
from lungwise.receiving.forms import NewStudyForm
from lungwise.receiving.held_films import HeldFilms
from lungwise.receiving.labels import COUNTED
from lungwise.receiving.photographs import Photographs
from lungwise.receiving.service import Saved, Uploads
from lungwise.receiving.uploads import CameraPicture
from lungwise.studies.clinical_details import NO_DETAILS
from lungwise.studies.forms import FilmsForm
from lungwise.studies.patient_studies import PatientStudies
from lungwise.studies.service import Studies
from lungwise.studies.shown_after_upload import note_upload
from lungwise.studies.views import StudyForms, study_page
from lungwise.text_direction import isolated
from lungwise.webkit.bodies import takes_films
from lungwise.webkit.current_person import person
from lungwise.webkit.forms import attempt
from lungwise.webkit.problems import wants_json
from lungwise.webkit.request_services import RequestServices
from lungwise.webkit.submit_once import sent_once

bp = Blueprint("receiving", __name__)
Answer = str | Response
_NAMED = 8
"""Files that are named in one message; of the others only the number."""


class ReceivingServices(Protocol):
    """What the pages by which films come in use in a request."""

    uploads: Uploads
    held: HeldFilms
    photographs: Photographs
    studies: Studies
    patient_studies: PatientStudies


services = RequestServices[ReceivingServices]("receiving")


@bp.route("/studies/new", methods=["GET", "POST"])
@takes_films
def new() -> Answer:
    """Upload films as a new study."""
    person().need(Right.UPLOAD)
    form = NewStudyForm()
    if form.validate_on_submit() and (saved := attempt(form, lambda: _open(form))):
        return _saved(saved, [] if saved.opened else _not_added(saved, form))
    if form.is_submitted() and wants_json():
        raise Rejected(_first_error(form))
    return render_template("receiving/new.html", form=form)


def _open(form: NewStudyForm) -> Saved:
    files, facts, details = list(_files()), form.facts(), form.details()
    once = sent_once([repr(facts), repr(details)], files)
    return services().uploads.open(person(), facts, files, once, details=details, asks=person().may(Right.SEE_ALL))


@bp.post("/studies/<key>/films")
@takes_films
def add_films(key: str) -> Answer:
    """Add films to a study."""
    form = FilmsForm()
    if form.validate_on_submit():
        files = list(_files())
        saved = attempt(form, lambda: services().uploads.add_films(person(), key, files, sent_once([], files)))
        if saved:
            return _saved(saved)
    if wants_json():
        raise Rejected(_first_error(form))
    return study_page(key, StudyForms(films=form))


def _files() -> Iterator[tuple[str, bytes]]:
    for file in _chosen("films"):
        yield file.filename or "", file.read()
    for file in _chosen("camera"):
        yield file.filename or "", CameraPicture(file.read())


def _chosen(field: str) -> list[FileStorage]:
    return [file for file in request.files.getlist(field) if file.filename]


def _not_added(saved: Saved, form: NewStudyForm) -> list[str]:
    """Say that what was typed about films that are here already is not saved, where their study does not say it."""
    study = services().studies.get(person(), saved.key)
    known = services().studies.patient(person(), study).facts
    if known.filled(form.facts()) == known and form.details() in (NO_DETAILS, study.clinical):
        return []
    return [gettext("What you entered this time about the patient or the symptoms is not saved: check it there.")]


def _saved(saved: Saved, more: Sequence[str] = ()) -> Response:
    key = saved.key
    if saved.opened:
        note_upload(key)
    patient = services().studies.patient(person(), services().studies.get(person(), key))
    asks = patient.is_unclear and services().patient_studies.may_settle(person(), patient)
    page = url_for("patients.whose", key=patient.key) if asks else _next_page(key)
    messages = [*_messages(saved, patient), *more, *map(_elsewhere, saved.elsewhere)]
    if wants_json():
        return jsonify(page=page, films=url_for("receiving.add_films", key=key), opened=saved.opened, said=messages)
    for message in messages:
        flash(message)
    return redirect(page)


def _messages(saved: Saved, patient: Patient) -> list[str]:
    """Report which files of an upload are not new films, and where a film is that was here already."""
    if not saved.opened:
        name = isolated(patient.name or patient.identifier)
        return [gettext("This film is already here: study of %(name)s.", name=name)]
    messages = [ngettext("%(num)s film is accepted.", "%(num)s films are accepted.", saved.taken)]
    messages = messages if saved.skipped and saved.taken else []
    for reason, words in COUNTED.items():
        names = [other.name for other in saved.skipped if other.reason is reason]
        more = [gettext("and %(count)s more", count=len(names) - _NAMED)] if len(names) > _NAMED else []
        if names:
            messages.append(gettext(words, names=", ".join([*names[:_NAMED], *more])))
    return messages


def _elsewhere(key: str) -> str:
    patient = services().studies.patient(person(), services().studies.get(person(), key))
    name, number = isolated(patient.name), isolated(patient.identifier)
    said = gettext(
        "The same film is also in a study of %(name)s. If that is a mistake, have it deleted.",
        name=f"{name} ({number})" if name else number,
    )
    return str(said)


def _next_page(key: str) -> str:
    """Return the next page: the first photograph whose corners nobody has checked, otherwise the study."""
    films = services().studies.get(person(), key).films
    unmarked = next((film for film in films if film.asks_for_corners), None)
    return url_for("photographs.corners", key=unmarked.key) if unmarked else url_for("studies.show", key=key)


def _first_error(form: NewStudyForm | FilmsForm) -> str:
    errors = [*form.form_errors, *(str(error) for field in form for error in field.errors)]
    return str(errors[0])
