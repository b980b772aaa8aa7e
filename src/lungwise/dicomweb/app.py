"""The DICOMweb application, mounted beside the pages and the API; it takes tokens only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from flask import Blueprint, Response, jsonify, request
from flask_babel import gettext
from sqlalchemy.orm import Session, scoped_session
from werkzeug.routing import BaseConverter

from lungwise.access import Person, Right
from lungwise.accounts.bearer import authenticate, clinic, require
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response, audit_search_after_response
from lungwise.clinics.service import ClinicSettings
from lungwise.dicomweb import query
from lungwise.dicomweb.accept import AS_STORED, DICOM, JSON, OCTETS, Accept
from lungwise.dicomweb.cross_origin import allow_origins
from lungwise.dicomweb.instance_index import INSTANCE, SERIES, Instance, InstanceIndex
from lungwise.dicomweb.metadata import described, value
from lungwise.dicomweb.multipart import Malformed, boundary_of, media_type, message, parts
from lungwise.dicomweb.pixels import RenderOptions, bulk, frame, rendered
from lungwise.dicomweb.store import StoreRequest
from lungwise.dicomweb.transcoding import in_a_form_of
from lungwise.errors import ClinicClosed, NotFound, Rejected
from lungwise.films import Refusal
from lungwise.films.dicom.transfer_syntax import LITTLE_ENDIAN, syntax_of
from lungwise.films.refusals import refusal_sentence
from lungwise.inputs import network_address
from lungwise.receiving.receiver import FilmReceiver
from lungwise.reports.service import Reports
from lungwise.results.film_results import FilmResults
from lungwise.settings import Settings
from lungwise.store import Clock, Database
from lungwise.studies.archive import Archive, ArchiveSearch
from lungwise.studies.pictures import LARGEST, THUMBNAIL
from lungwise.studies.service import Studies
from lungwise.webkit import bodies, fields, problems, transactions
from lungwise.webkit.current_person import person
from lungwise.webkit.problems import Refused
from lungwise.webkit.program_app import program_app
from lungwise.webkit.rates import Rates, limit
from lungwise.webkit.request_services import RequestServices

PREFIX = "/dicom-web"
_STUDY = "/studies/<uid:study>"
_SERIES = f"{_STUDY}/series/<uid:series>"
_INSTANCE = f"{_SERIES}/instances/<uid:instance>"
_STORE = "dicomweb.store"

bp = Blueprint("dicomweb", __name__)


class DicomwebServices(Protocol):
    """What DICOMweb uses in a request."""

    settings: Settings
    archive: Archive
    studies: Studies

    @property
    def reports(self) -> Reports:
        """Makes the reports of the clinic's studies."""

    @property
    def clinic_settings(self) -> ClinicSettings:
        """How the clinic is set."""

    def receiver(self, person: Person) -> FilmReceiver:
        """Make what takes films in a person's name."""


services = RequestServices[DicomwebServices]("dicomweb")


class Uid(BaseConverter):
    """A UID in an address."""

    regex = "[0-9.]{1,64}"
    part_isolating = True


class Frames(BaseConverter):
    """A list of frames in an address."""

    regex = "[0-9]{1,6}(?:,[0-9]{1,6}){0,99}"
    part_isolating = True


class BulkPath(BaseConverter):
    """Where bulk data is in an object: a tag, or a sequence's tag, the number of an item, and a tag in it."""

    regex = "[0-9A-Fa-f]{8}(?:/[0-9]{1,6}/[0-9A-Fa-f]{8}){0,16}"
    part_isolating = False


def create_dicomweb(
    settings: Settings,
    clock: Clock,
    database: Database,
    sessions: scoped_session[Session],
) -> transactions.Application:
    """Make the DICOMweb application over the same services as the pages."""
    app = program_app("lungwise.dicomweb", settings, database, sessions, lambda: settings.language)
    app.url_map.converters |= {"uid": Uid, "frames": Frames, "bulk": BulkPath}
    app.register_error_handler(Malformed, lambda _error: problems.problem(400))
    app.register_error_handler(Rejected, lambda error: problems.problem(400, str(error)))
    app.register_error_handler(ClinicClosed, lambda error: problems.problem(403, str(error)))
    app.register_error_handler(Refusal, lambda refusal: problems.problem(406, refusal_sentence(refusal, gettext)))
    allow_origins(app, settings.dicomweb_origins_list)
    rates = Rates(settings, clock, "dicomweb")
    app.before_request(lambda: _guard(rates, settings.upload_megabytes << 20))
    fields.readable_address(app)
    app.register_blueprint(bp)
    return app


def _guard(rates: Rates, largest_upload: int) -> Response | None:
    """Let in only who has a token, at its rate; only films may be large."""
    authenticate()
    limit(rates)
    require(Right.SEE_ALL)  # studies of DICOM collect films of whoever sends them
    if request.endpoint != _STORE:
        return bodies.admit(bodies.SMALL)
    require(Right.UPLOAD)
    if request.mimetype != "multipart/related":
        raise Refused(415)
    return bodies.admit(largest_upload)


@bp.get("/studies", defaults={"level": "studies"})
@bp.get("/series", defaults={"level": "series"})
@bp.get("/instances", defaults={"level": "instances"})
@bp.get(f"{_STUDY}/series", defaults={"level": "series"})
@bp.get(f"{_STUDY}/instances", defaults={"level": "instances"})
@bp.get(f"{_SERIES}/instances", defaults={"level": "instances"})
def search(level: str, study: str | None = None, series: str | None = None) -> Response:
    """Search for studies, series or instances (QIDO-RS)."""
    require(Right.EXPORT if level == "instances" else Right.SEE)  # instances can be listed only by making them
    _accepts_json()
    found = query.parse(request.args.items(multi=True))
    found.match |= {tag: uid for tag, uid in (("0020000D", study), (SERIES, series)) if uid}
    answer = query.search(_index(), level, found, _root())
    audit_search_after_response(Action.SEARCHED, Subject.STUDY, query.said_of_patients(found.match))
    response = _json(answer.found)
    if answer.is_cut:
        _warn(response, "There are additional results that can be requested")
    if found.is_fuzzy:
        _warn(response, "The fuzzymatching parameter is not supported. Only literal matching has been performed.")
    return response


@bp.get(_STUDY)
@bp.get(_SERIES)
@bp.get(_INSTANCE)
def retrieve(study: str, series: str | None = None, instance: str | None = None) -> Response:
    """Return whole objects (WADO-RS), each in the first of the accepted transfer syntaxes that it can be given in."""
    require(Right.EXPORT)
    accept = _accept()
    alone = accept.syntaxes(DICOM) if instance is not None else []
    wanted = alone or accept.syntaxes_in_parts(DICOM)
    if not wanted:
        raise Refused(406)
    found = _in_one_of(_found(study, series, instance), wanted)
    if alone:
        data, syntax = in_a_form_of(found[0].load(), wanted)
        return Response(data, content_type=f"{DICOM}; transfer-syntax={syntax}")
    chunks, content_type = message((in_a_form_of(one.load(), wanted) for one in found), DICOM)
    return Response(chunks, content_type=content_type)


def _in_one_of(found: list[Instance], wanted: list[str]) -> list[Instance]:
    """Leave out what can be given in none of these transfer syntaxes."""
    if AS_STORED in wanted or LITTLE_ENDIAN in wanted:
        return found
    fitting = [one for one in found if syntax_of(one.load()) in wanted]
    if not fitting:
        raise Refused(406)
    return fitting


@bp.get(f"{_STUDY}/metadata")
@bp.get(f"{_SERIES}/metadata")
@bp.get(f"{_INSTANCE}/metadata")
def describe(study: str, series: str | None = None, instance: str | None = None) -> Response:
    """Return the attributes of objects, and where their bulk data is (WADO-RS)."""
    require(Right.EXPORT)
    _accepts_json()
    return _json([described(one, f"{_root()}/studies/{study}") for one in _found(study, series, instance)])


@bp.get(f"{_INSTANCE}/bulkdata/<bulk:path>")
def bulk_value(study: str, series: str, instance: str, path: str) -> Response:
    """Return bulk data of an object (WADO-RS)."""
    require(Right.EXPORT)
    accept = _accept()
    in_parts = accept.syntaxes_in_parts(OCTETS)
    if not (in_parts or accept.quality(OCTETS)):
        raise Refused(406)
    value = bulk(_found(study, series, instance)[0].load(), path)
    if value is None:
        raise NotFound
    return _in_parts([value]) if in_parts else Response(value, content_type=OCTETS)


@bp.get(f"{_INSTANCE}/frames/<frames:frames>")
def pixels(study: str, series: str, instance: str, frames: str) -> Response:
    """Return frames, decoded (WADO-RS)."""
    require(Right.EXPORT)
    if not {AS_STORED, LITTLE_ENDIAN} & {*_accept().syntaxes_in_parts(OCTETS)}:
        raise Refused(406)
    numbers = frames.split(",")
    if set(numbers) != {"1"}:  # no film has more
        raise NotFound
    first = frame(_found(study, series, instance)[0].load())
    return _in_parts([first] * len(numbers))


def _in_parts(values: list[bytes]) -> Response:
    chunks, content_type = message(((value, LITTLE_ENDIAN) for value in values), OCTETS)
    return Response(chunks, content_type=content_type)


@bp.get(f"{_INSTANCE}/rendered", defaults={"largest": LARGEST})
@bp.get(f"{_INSTANCE}/frames/<int:number>/rendered", defaults={"largest": LARGEST})
@bp.get(f"{_STUDY}/thumbnail", defaults={"largest": THUMBNAIL})
@bp.get(f"{_SERIES}/thumbnail", defaults={"largest": THUMBNAIL})
@bp.get(f"{_INSTANCE}/thumbnail", defaults={"largest": THUMBNAIL})
@bp.get(f"{_INSTANCE}/frames/<int:number>/thumbnail", defaults={"largest": THUMBNAIL})
def render(
    largest: int, study: str, series: str | None = None, instance: str | None = None, number: int = 1
) -> Response:
    """Return what a browser can show; of a study or a series its first film (WADO-RS)."""
    require(Right.EXPORT)
    options = RenderOptions.parse(dict(request.args.items()), largest)
    if number != 1:  # no film has more
        raise NotFound
    found = _found(study, series, instance, films_first=instance is None)
    shown = rendered(found[0].load(), _accept().quality, options)
    if shown is None:
        raise Refused(406)
    return Response(shown[0], content_type=shown[1])


@bp.post("/studies")
@bp.post(_STUDY)
def store(study: str | None = None) -> Response:
    """Take objects (STOW-RS)."""
    _accepts_json()
    _kind, parameters = media_type(request.headers["Content-Type"])
    if parameters.get("type", DICOM).lower() != DICOM:
        raise Refused(415)
    largest_film = services().settings.film_megabytes << 20
    storing = StoreRequest(services().receiver(person()), network_address(request.remote_addr), _root(), study)
    response = storing.store(parts(request.stream.read, boundary_of(parameters), largest_film))
    url = f"{_root()}/studies" + (f"/{study}" if study else "")
    return _json(response.attributes(url), response.status)


def _index() -> InstanceIndex:
    used = services()
    results = FilmResults(used.studies, used.reports, clinic(), used.clinic_settings.zone)
    return InstanceIndex(person(), used.archive, used.studies, results)


def _found(study: str, series: str | None, instance: str | None, *, films_first: bool = False) -> list[Instance]:
    """Find objects, of films alone where there is one, and record in the audit trail that they were exported."""
    index = _index()
    films = next(index.studies(ArchiveSearch(studies=frozenset({study}))), [])

    def chosen(objects: Iterable[Instance]) -> list[Instance]:
        uids = {SERIES: series, INSTANCE: instance}
        return [one for one in objects if all(uid in (None, value(one.attributes, tag)) for tag, uid in uids.items())]

    found = (chosen(index.films(films)) if films_first else []) or chosen(index.instances(films, instance, series))
    if not found:
        raise NotFound
    for key in dict.fromkeys(film.study.key for film in films):
        audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    return found


def _root() -> str:
    public_url = services().settings.public_url
    return public_url + request.script_root if public_url else request.url_root.rstrip("/")


def _json(body: Any, status: int = 200) -> Response:  # noqa: ANN401 - whatever JSON can hold
    response = jsonify(body)
    response.status_code, response.content_type = status, JSON
    return response


def _warn(response: Response, text: str) -> None:
    """Say what of a search was not done (PS3.18, 8.3.4 and 11.1)."""
    response.headers.add("Warning", f'299 {_root()} "{text}"')


def _accept() -> Accept:
    """Return what the client accepts (PS3.18, 8.3.3.1 and 8.7.4)."""
    return Accept(request.args.get("accept") or request.headers.get("Accept") or "*/*")


def _accepts_json() -> None:
    accept = _accept()
    if not (accept.quality(JSON) or accept.quality("application/json")):
        raise Refused(406)
