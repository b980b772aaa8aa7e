"""The viewer of films, and their pictures."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Protocol

from flask import Blueprint, Response, jsonify, make_response, render_template, request
from PIL.Image import Image

from lungwise.access import Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response, audit_sight_after_response
from lungwise.errors import NotFound
from lungwise.films import Refusal
from lungwise.films.dicom.full_depth import read_full_depth
from lungwise.films.dicom.geometry import Geometry, read_geometry
from lungwise.films.formats import DICOM, suffix_of
from lungwise.studies import full_depth, pictures
from lungwise.studies.film_headers import taken_on
from lungwise.studies.models import FilmRecord
from lungwise.studies.service import Studies
from lungwise.studies.thumbnails import Thumbnails
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("films", __name__, url_prefix="/films")


class FilmServices(Protocol):
    """What the pages and pictures of films use in a request."""

    studies: Studies
    thumbnails: Thumbnails


services = RequestServices[FilmServices]("films")


@bp.get("/<key>")
def viewer(key: str) -> str:
    """Look at a film closely, alone or beside another of the patient's."""
    film = services().studies.film(person(), key)
    patient = services().studies.patient(person(), film.study)
    others = [
        (study, other)
        for study in services().studies.of_patient(person(), patient)
        for other in study.films
        if other.id != film.id
    ]
    beside = next((other for _study, other in others if other.key == request.args.get("beside")), None)
    audit_after_response(Action.SAW, Subject.FILM, key)
    shown = [film, *(other for _study, other in others)]
    days = {one.id: taken_on(one, services().studies.data) for one in shown}
    return render_template(
        "studies/viewer.html",
        film=film,
        patient=patient,
        doubted=services().studies.naming_others([one.study for one in shown]),
        others=others,
        beside=beside,
        days=days,
    )


@bp.get("/<key>/picture.jpg")
def picture(key: str) -> Response:
    """Return a film as a picture for the page."""
    return _drawn(key, pictures.LARGEST)


@bp.get("/<key>/page.jpg")
def page_picture(key: str) -> Response:
    """Return a film as a picture for half a page."""
    return _drawn(key, pictures.ON_PAGE)


@bp.get("/<key>/report.jpg")
def report_picture(key: str) -> Response:
    """Return a film as a picture for a report's page."""
    return _drawn(key, pictures.IN_REPORT, quality=80)


@bp.get("/<key>/thumbnail.jpg")
def thumbnail(key: str) -> Response:
    """Return a film as a small picture."""
    return _drawn(key, pictures.THUMBNAIL)


@bp.get("/<key>/small.jpg")
def small_picture(key: str) -> Response:
    """Return a film as a very small picture, for a list."""
    record = services().studies.film(person(), key)
    kept = services().thumbnails.kept(record)
    if kept is None:
        kept = pictures.as_jpeg(_picture(record, pictures.SMALL), quality=75)
        made, number = kept, record.id
        services.after_response(lambda later: later.thumbnails.keep(number, key, made))
    return _picture_of(kept, "image/jpeg")


@bp.get("/<key>/heat.png")
def heat(key: str) -> Response:
    """Return a film's heat map as a transparent layer, upright as its picture."""
    record = _seen(key)
    if record.reading is None or record.reading.heat_map is None:
        raise NotFound
    layer = pictures.heat_layer(pictures.upright(record.reading.heat_map, record.quarter_turns), (272, 272))
    return _picture_of(pictures.as_png(layer), "image/png")


@bp.get("/<key>/geometry")
def geometry(key: str) -> Response:
    """Return how large a film is in millimetres and which of the patient's sides is where, as far as its file says."""
    record = services().studies.film(person(), key)
    found = read_geometry(services().studies.data(record)) if record.kind == DICOM else Geometry(sides={})
    return jsonify(asdict(found.turned(record.quarter_turns)))


@bp.get("/<key>/levels/<int:side>")
def levels(key: str, side: int) -> Response:
    """Return a DICOM film's numbers at their full depth, for the viewer to window."""
    record = _seen(key)
    if record.kind != DICOM or side not in full_depth.SIDES:
        raise NotFound
    try:
        depth = read_full_depth(services().studies.data(record))
    except Refusal as refusal:
        raise NotFound from refusal
    if depth is None:
        raise NotFound
    return _packed(full_depth.encoded(full_depth.as_shown(depth, side, record.quarter_turns)))


@bp.get("/<key>/original")
def original(key: str) -> Response:
    """Return a film's file as it was uploaded."""
    person().need(Right.EXPORT)
    record = services().studies.film(person(), key)
    answer = make_response(services().studies.data(record))
    answer.content_type = "application/octet-stream"
    answer.headers["Content-Disposition"] = f'attachment; filename="film-{key}.{suffix_of(record.kind)}"'
    audit_after_response(Action.EXPORTED, Subject.FILM, key)
    return answer


def _seen(key: str) -> FilmRecord:
    """Find a film, and record that it was seen, where that of its study or patient is not in the trail."""
    record = services().studies.film(person(), key)
    patient = services().studies.patient(person(), record.study)
    audit_sight_after_response(Subject.FILM, key, record.study.key, patient.key)
    return record


def _drawn(key: str, side: int, quality: int = pictures.QUALITY) -> Response:
    record = _seen(key)
    return _picture_of(pictures.as_jpeg(_picture(record, side), quality), "image/jpeg")


def _picture(record: FilmRecord, side: int) -> Image:
    return pictures.picture_or_cross(partial(services().studies.opened, record), side, record.quarter_turns)


def _packed(data: bytes) -> Response:
    packs = request.accept_encodings.quality("gzip") > 0
    headers = {"Content-Type": "application/octet-stream"} | ({"Content-Encoding": "gzip"} if packs else {})
    return make_response(full_depth.packed(data) if packs else data, headers)


def _picture_of(data: bytes, kind: str) -> Response:
    return make_response(data, {"Content-Type": kind})
