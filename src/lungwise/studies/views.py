"""The pages of studies."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, flash, jsonify, make_response, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from PIL.Image import Image
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from lungwise.access import Right
from lungwise.errors import NotFound, Rejected
from lungwise.films import Refusal
from lungwise.films.formats import suffix_of
from lungwise.patients.forms import DeleteForm
from lungwise.patients.service import Patient
from lungwise.receiving.other_files import OTHER_CLASSES
from lungwise.receiving.service import Saved
from lungwise.receiving.uploads import CameraPicture
from lungwise.studies import pictures
from lungwise.studies.film_headers import differing_headers
from lungwise.studies.forms import FilmsForm, NewStudyForm, OpinionForm, WorklistForm
from lungwise.studies.labels import COUNTED
from lungwise.studies.models import FilmRecord, StudyStatus
from lungwise.studies.worklist import END
from lungwise.webkit.bodies import takes_films
from lungwise.webkit.problems import wants_json
from lungwise.webkit.request_services import attempt, desk, person
from lungwise.webkit.submit_once import sent_once

bp = Blueprint("studies", __name__)
Answer = str | AnyResponse
_NAMED = 8
"""Files that are named when it is said what is no film."""
_PATIENCE = 1.0
"""Seconds that a study's page waits for readings before it says that they are on their way."""


@bp.route("/studies", methods=["GET", "POST"])
def worklist() -> Answer:
    """List the clinic's studies, the unread first."""
    form = WorklistForm()
    wanted = form.wanted()
    page = desk().worklist.sheet(person(), wanted)
    unclear, held = desk().patients.count_unclear(person()), desk().studies.held.count(person())
    return render_template(
        "studies/worklist.html", form=form, page=page, wanted=wanted, end=END, unclear=unclear, held=held
    )


@bp.route("/studies/new", methods=["GET", "POST"])
@takes_films
def new() -> Answer:
    """Upload films as a new study."""
    person().need(Right.UPLOAD)
    form = NewStudyForm()
    if form.validate_on_submit():
        files, facts = list(_files()), form.facts()
        once = sent_once([repr(facts)], files)
        saved = attempt(form, lambda: desk().upload().open(person(), facts, files, once, asks=True))
        if saved:
            return _saved(saved)
    if form.is_submitted() and wants_json():
        raise Rejected(_first_error(form))
    return render_template("studies/new.html", form=form)


@bp.get("/studies/<key>")
def show(key: str) -> Answer:
    """Show a study: its verdict, its films and what the doctors concluded."""
    study = desk().studies.get(person(), key)
    if study.standing == StudyStatus.WAITING:
        desk().room.wait(study.id, _PATIENCE)
        desk().session.rollback()
    who = person()
    desk().noted.append(lambda after: after.studies.saw(who, key))
    return _page(key, OpinionForm(), FilmsForm(), DeleteForm())


@bp.post("/studies/<key>/films")
@takes_films
def add_films(key: str) -> Answer:
    """Add films to a study."""
    form = FilmsForm()
    if form.validate_on_submit():
        files = list(_files())
        saved = attempt(form, lambda: desk().upload().add_films(person(), key, files, sent_once([], files)))
        if saved:
            return _saved(saved)
    if wants_json():
        raise Rejected(_first_error(form))
    return _page(key, OpinionForm(formdata=None), form, DeleteForm(formdata=None))


@bp.get("/studies/<key>/progress")
def progress(key: str) -> Answer:
    """Say how many of a study's films are read, for the page that waits for them."""
    study = desk().studies.get(person(), key)
    read = sum(film.reading is not None for film in study.films)
    before = desk().queue.before(study)
    return jsonify(films=len(study.films), read=read, before=before, done=study.standing != StudyStatus.WAITING)


@bp.post("/studies/<key>/opinions")
def conclude(key: str) -> Answer:
    """Keep an opinion."""
    form = OpinionForm()
    if form.validate_on_submit() and attempt(form, lambda: desk().studies.conclude(person(), key, form.said())):
        flash(gettext("Your opinion is saved."))
        return redirect(url_for("studies.show", key=key))
    return _page(key, form, FilmsForm(formdata=None), DeleteForm(formdata=None))


@bp.post("/studies/<key>/delete")
def delete(key: str) -> Answer:
    """Delete a study with its films."""
    person().need(Right.DELETE)
    form = DeleteForm()
    if not form.validate_on_submit():
        return _page(key, OpinionForm(formdata=None), FilmsForm(formdata=None), form)
    desk().after_commit.append(desk().studies.delete(person(), key))
    flash(gettext("The study is deleted, with all its films."))
    return redirect(url_for("studies.worklist"))


@bp.get("/films/<key>")
def viewer(key: str) -> Answer:
    """Look at a film closely, alone or beside another of the patient's."""
    film = desk().studies.film(person(), key)
    patient = desk().studies.patient(person(), film.study)
    others = [
        (study, other)
        for study in desk().studies.of_patient(person(), patient)
        for other in study.films
        if other.id != film.id
    ]
    beside = next((other for _study, other in others if other.key == request.args.get("beside")), None)
    desk().note("saw", "film", key)
    return render_template("studies/viewer.html", film=film, patient=patient, others=others, beside=beside)


@bp.get("/queue")
def queue() -> Answer:
    """Show what waits to be read, and the clinic's films whose reading failed."""
    failed = desk().queue.failed(person())
    return render_template("studies/queue.html", counts=desk().queue.counts(), failed=failed)


@bp.post("/films/<key>/retry")
def retry(key: str) -> Answer:
    """Have a film read again whose reading failed."""
    if desk().queue.retry_film(person(), key):
        desk().after_commit.append(desk().room.wake)
        flash(gettext("The film is queued again."))
    return redirect(url_for("studies.queue"))


@bp.get("/films/<key>/picture.jpg")
def picture(key: str) -> Answer:
    """Give a film as a picture for the page."""
    return _drawn(key, pictures.LARGEST)


@bp.get("/films/<key>/thumbnail.jpg")
def thumbnail(key: str) -> Answer:
    """Give a film as a small picture."""
    return _drawn(key, pictures.THUMBNAIL)


@bp.get("/films/<key>/heat.png")
def heat(key: str) -> Answer:
    """Give a film's heat map as a transparent layer."""
    record = desk().studies.film(person(), key)
    if record.reading is None or record.reading.heat_map is None:
        raise NotFound
    layer = pictures.heat_layer(record.reading.heat_map, (272, 272))
    return _picture_of(pictures.as_png(layer), "image/png")


@bp.get("/films/<key>/original")
def original(key: str) -> Answer:
    """Give a film's file as it was uploaded."""
    person().need(Right.EXPORT)
    record = desk().studies.film(person(), key)
    answer = make_response(desk().studies.data(record))
    answer.content_type = "application/octet-stream"
    answer.headers["Content-Disposition"] = f'attachment; filename="film-{key}.{suffix_of(record.kind)}"'
    desk().note("exported", "film", key)
    return answer


def _page(key: str, opinion: OpinionForm, films: FilmsForm, deleting: DeleteForm) -> str:
    study = desk().studies.get(person(), key)
    patient = desk().studies.patient(person(), study)
    earlier = [other for other in desk().studies.of_patient(person(), patient) if other.id != study.id]
    return render_template(
        "studies/show.html",
        study=study,
        patient=patient,
        headers=differing_headers(study, patient, desk().studies.data),
        may_settle=patient.is_unclear and desk().settlement.may_settle(person(), patient),
        earlier=earlier,
        objects=desk().studies.objects_of(person(), study),
        object_classes=OTHER_CLASSES,
        before=desk().queue.before(study) if study.standing == StudyStatus.WAITING else 0,
        opinion=opinion,
        adding=films,
        deleting=deleting,
    )


def _files() -> Iterator[tuple[str, bytes]]:
    for file in _chosen("films"):
        yield file.filename or "", file.read()
    for file in _chosen("camera"):
        yield file.filename or "", CameraPicture(file.read())


def _chosen(field: str) -> list[FileStorage]:
    return [file for file in request.files.getlist(field) if file.filename]


def _saved(saved: Saved) -> AnyResponse:
    key = saved.key
    patient = desk().studies.patient(person(), desk().studies.get(person(), key))
    asks = patient.is_unclear and desk().settlement.may_settle(person(), patient)
    page = url_for("patients.whose", key=patient.key) if asks else _next_page(key)
    said = _said(saved, patient)
    if wants_json():
        return jsonify(page=page, films=url_for("studies.add_films", key=key), opened=saved.opened, said=said)
    for sentence in said:
        flash(sentence)
    return redirect(page)


def _said(saved: Saved, patient: Patient) -> list[str]:
    """Say what of an upload is no new film, and where a film is that was here already."""
    if not saved.opened:
        name = patient.name or patient.identifier
        return [gettext("This film is already here: study of %(name)s.", name=name)]
    said = [ngettext("%(num)s film is taken.", "%(num)s films are taken.", saved.taken)]
    said = said if saved.others and saved.taken else []
    for why, words in COUNTED.items():
        names = [other.name for other in saved.others if other.why is why]
        more = [gettext("and %(count)s more", count=len(names) - _NAMED)] if len(names) > _NAMED else []
        if names:
            said.append(gettext(words, names=", ".join([*names[:_NAMED], *more])))
    return said


def _next_page(key: str) -> str:
    """Give where to go on: to the first photograph whose corners nobody has looked at, else to the study."""
    films = desk().studies.get(person(), key).films
    asked = next((film for film in films if film.asks_for_corners), None)
    return url_for("photographs.corners", key=asked.key) if asked else url_for("studies.show", key=key)


def _first_error(form: NewStudyForm | FilmsForm) -> str:
    errors = [*form.form_errors, *(str(error) for field in form for error in field.errors)]
    return str(errors[0])


def _drawn(key: str, side: int) -> Response:
    record = desk().studies.film(person(), key)
    return _picture_of(pictures.as_jpeg(_picture(record, side)), "image/jpeg")


def _picture(record: FilmRecord, side: int) -> Image:
    try:
        return pictures.picture(desk().studies.opened(record), side)
    except Refusal:
        return pictures.no_picture()


def _picture_of(data: bytes, kind: str) -> Response:
    answer = make_response(data)
    answer.content_type = kind
    return answer
