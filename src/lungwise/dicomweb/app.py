"""The DICOMweb application, mounted beside the pages and the API: it knows tokens alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from flask import Flask, Response, jsonify, request
from flask_babel import Babel, gettext
from sqlalchemy.orm import Session, scoped_session
from werkzeug.routing import BaseConverter

from lungwise.access import Person, Right
from lungwise.accounts.bearer import authenticate, clinic
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.dicomweb import query
from lungwise.dicomweb.instance_index import INSTANCE, SERIES, Instance, InstanceIndex
from lungwise.dicomweb.metadata import value
from lungwise.dicomweb.multipart import Malformed, boundary_of, media_type, message, parts
from lungwise.dicomweb.pixels import RenderOptions, frame, rendered
from lungwise.dicomweb.store import Intake
from lungwise.errors import NotFound, Rejected
from lungwise.films import Refusal
from lungwise.films.refusals import refusal_sentence
from lungwise.inputs import network_address
from lungwise.receiving.receiver import FilmReceiver
from lungwise.reports.service import Reports
from lungwise.results.film_results import FilmResults
from lungwise.settings import Settings
from lungwise.store import Clock, Database
from lungwise.studies.archive import Archive
from lungwise.studies.service import Studies
from lungwise.webkit import bodies, csp, fields, problems, request_log, transactions
from lungwise.webkit.current_person import person
from lungwise.webkit.problems import Refused
from lungwise.webkit.rates import Rates, limit
from lungwise.webkit.request_services import RequestServices

PREFIX = "/dicom-web"
DICOM, JSON, OCTETS = "application/dicom", "application/dicom+json", "application/octet-stream"
_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_LEVELS = ("", "/series/<uid:series>", "/series/<uid:series>/instances/<uid:instance>")
_MOST_ACCEPTED = 64
"""Media types that are looked at of those that a client takes."""
_STORES = {"store": "/studies", "store into": "/studies/<uid:study>"}


class DicomwebServices(Protocol):
    """What DICOMweb uses in a request."""

    settings: Settings
    archive: Archive
    studies: Studies
    reports: Reports

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


def create_dicomweb(
    settings: Settings,
    clock: Clock,
    database: Database,
    sessions: scoped_session[Session],
) -> transactions.Application:
    """Make the DICOMweb application over the same services as the pages."""
    package = Path(csp.__file__).parents[1]
    app = transactions.Application("lungwise.dicomweb", root_path=str(package), static_folder=None)
    app.config.update(**bodies.config(settings.study_films), BABEL_DEFAULT_LOCALE=settings.language)
    app.url_map.converters |= {"uid": Uid, "frames": Frames}
    Babel(app, locale_selector=lambda: settings.language)
    request_log.log_requests(app)
    transactions.init_app(app, database, sessions)
    csp.init_app(app, https=settings.https)
    csp.answer_with_attachments(app)
    problems.init_api(app)
    app.register_error_handler(Malformed, lambda _no: problems.problem(400))
    app.register_error_handler(Rejected, lambda no: problems.problem(400, str(no)))
    app.register_error_handler(Refusal, lambda no: problems.problem(406, refusal_sentence(no, gettext)))
    rates = Rates(settings, clock, "dicomweb")
    app.before_request(lambda: _guard(rates, settings.upload_megabytes << 20))
    fields.readable_address(app)
    _searches(app)
    _retrievals(app)
    _pictures(app)
    _stores(app)
    return app


def _guard(rates: Rates, most: int) -> Response | None:
    authenticate()
    limit(rates)
    if request.endpoint not in _STORES:
        return bodies.admit(bodies.SMALL)
    _need(Right.UPLOAD)
    if request.mimetype != "multipart/related":
        raise Refused(415)
    return bodies.admit(most)


def _need(right: Right) -> None:
    if not person().may(right):
        raise Refused(403)


def _searches(app: Flask) -> None:
    """QIDO-RS."""

    def search(level: str, study: str | None = None, series: str | None = None) -> Response:
        _need(Right.EXPORT if level == "instances" else Right.SEE)  # instances can be listed only by making them
        _accepts_json()
        wanted = query.parse(request.args.items(multi=True))
        wanted.match |= {tag: uid for tag, uid in (("0020000D", study), (SERIES, series)) if uid}
        return _json(list(query.search(_holdings(), level, wanted, _root())))

    for level, within in (
        ("studies", ""),
        ("series", ""),
        ("instances", ""),
        ("series", "/studies/<uid:study>"),
        ("instances", "/studies/<uid:study>"),
        ("instances", "/studies/<uid:study>/series/<uid:series>"),
    ):
        app.add_url_rule(
            f"{within}/{level}", f"search {within}/{level}", search, defaults={"level": level}, methods=["GET"]
        )


def _retrievals(app: Flask) -> None:
    """WADO-RS."""

    def retrieve(study: str, series: str | None = None, instance: str | None = None) -> Response:
        _need(Right.EXPORT)
        alone = instance is not None and _is_accepted(DICOM)
        if not alone:
            _accepts_multipart(DICOM)
        found = _found(study, series, instance)
        if alone:
            return Response(found[0].load(), content_type=DICOM)
        chunks, content_type = message((one.load() for one in found), DICOM)
        return Response(chunks, content_type=content_type)

    def describe(study: str, series: str | None = None, instance: str | None = None) -> Response:
        _need(Right.EXPORT)
        _accepts_json()
        return _json([one.attributes for one in _found(study, series, instance)])

    for place in _LEVELS:
        app.add_url_rule(f"/studies/<uid:study>{place}", f"retrieve {place}", retrieve, methods=["GET"])
        app.add_url_rule(f"/studies/<uid:study>{place}/metadata", f"describe {place}", describe, methods=["GET"])


def _pictures(app: Flask) -> None:
    """WADO-RS of frames, and of what a browser can show."""

    def pixels(study: str, series: str, instance: str, frames: str) -> Response:
        _need(Right.EXPORT)
        _accepts_multipart(OCTETS, _LITTLE_ENDIAN)
        if set(frames.split(",")) != {"1"}:  # no film has more
            raise NotFound
        first = frame(_found(study, series, instance)[0].load())
        chunks, content_type = message([first] * len(frames.split(",")), OCTETS)
        return Response(chunks, content_type=content_type)

    def render(study: str, series: str, instance: str) -> Response:
        _need(Right.EXPORT)
        wish = RenderOptions.parse(dict(request.args.items()))
        found = _found(study, series, instance)[0].load()
        shown = rendered(found, lambda kind: _is_accepted(kind, f"{kind.split('/')[0]}/*", "*/*"), wish)
        if shown is None:
            raise Refused(406)
        return Response(shown[0], content_type=shown[1])

    place = f"/studies/<uid:study>{_LEVELS[2]}"
    app.add_url_rule(f"{place}/frames/<frames:frames>", "frames", pixels, methods=["GET"])
    app.add_url_rule(f"{place}/rendered", "rendered", render, methods=["GET"])


def _stores(app: Flask) -> None:
    """STOW-RS."""

    def keep(study: str | None = None) -> Response:
        _accepts_json()
        kind, parameters = media_type(request.headers.get("Content-Type", ""))
        if kind != "multipart/related" or parameters.get("type", DICOM).lower() != DICOM:
            raise Refused(415)
        boundary = boundary_of(parameters)
        largest = services().settings.film_megabytes << 20
        intake = Intake(services().receiver(person()), network_address(request.remote_addr), _root(), study)
        outcome = intake.take(parts(request.stream.read, boundary, largest))
        url = f"{_root()}/studies" + (f"/{study}" if study else "")
        return _json(outcome.attributes(url), outcome.status)

    for name, rule in _STORES.items():
        app.add_url_rule(rule, name, keep, methods=["POST"])


def _holdings() -> InstanceIndex:
    used = services()
    results = FilmResults(used.studies, used.reports, clinic(), used.settings.report_font)
    return InstanceIndex(person(), used.archive, used.studies, results)


def _found(study: str, series: str | None, instance: str | None) -> list[Instance]:
    """Find what is asked for, and note in the audit trail that it was given."""
    holdings = _holdings()
    films = next(holdings.studies(study), [])
    found = [
        one
        for one in holdings.instances(films, instance)
        if series in (None, value(one.attributes, SERIES)) and instance in (None, value(one.attributes, INSTANCE))
    ]
    if not found:
        raise NotFound
    for key in dict.fromkeys(film.study.key for film in films):
        audit_after_response(Action.EXPORTED, Subject.STUDY, key)
    return found


def _root() -> str:
    public_url = services().settings.public_url
    return public_url + request.script_root if public_url else request.url_root.rstrip("/")


def _json(body: Any, status: int = 200) -> Response:  # noqa: ANN401 - whatever JSON can say
    response = jsonify(body)
    response.status_code, response.content_type = status, JSON
    return response


def _accepted() -> Iterator[tuple[str, dict[str, str]]]:
    """Give the media types that the client takes (PS3.18, 8.7.4)."""
    header = request.args.get("accept") or request.headers.get("Accept") or "*/*"
    quoted = r'(?:[^,"]|"[^"]*")+'
    yield from (media_type(one.strip()) for one in re.findall(quoted, header[:4096])[:_MOST_ACCEPTED])


def _is_accepted(*kinds: str) -> bool:
    return any(kind in kinds and _is_given(parameters) for kind, parameters in _accepted())


def _is_given(parameters: dict[str, str], *syntaxes: str) -> bool:
    """Objects are given as they were stored, frames in one syntax alone."""
    return parameters.get("transfer-syntax", "*") in ("*", *syntaxes)


def _accepts_json() -> None:
    if not _is_accepted(JSON, "application/json", "application/*", "*/*"):
        raise Refused(406)


def _accepts_multipart(what: str, *syntaxes: str) -> None:
    for kind, parameters in _accepted():
        fits = parameters.get("type", what).lower() in (what, "application/*", "*/*")
        if fits and kind in ("multipart/related", "multipart/*", "*/*") and _is_given(parameters, *syntaxes):
            return
    raise Refused(406)
