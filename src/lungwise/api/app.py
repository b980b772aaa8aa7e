"""The API's application, mounted beside the pages: it knows tokens and neither cookies nor forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response, g, request
from flask_babel import Babel
from sqlalchemy.orm import Session, scoped_session

from lungwise import __version__
from lungwise.accounts.forms import LANGUAGES
from lungwise.accounts.tokens import person_of
from lungwise.api.framework import problems
from lungwise.api.framework.document import document
from lungwise.api.framework.operations import UPLOAD_TYPES, KeyConverter, Operation
from lungwise.api.framework.problems import Refused
from lungwise.api.framework.rates import Rates
from lungwise.api.resources.about import describe, reference
from lungwise.api.resources.films import films
from lungwise.api.resources.patients import patients
from lungwise.api.resources.reports import reports
from lungwise.api.resources.studies import studies
from lungwise.settings import Settings
from lungwise.store import Clock, Database
from lungwise.webkit import bodies, csp, fields, request_log, transactions
from lungwise.webkit.request_services import Desk, desk

PREFIX = "/api/v1"
_ROOMS = (studies, films, patients, reports, describe)


def create_api(
    settings: Settings,
    clock: Clock,
    database: Database,
    sessions: scoped_session[Session],
    lay_desk: Callable[[Session], Desk],
) -> transactions.Application:
    """Make the API's application over the same services as the pages."""
    package = Path(csp.__file__).parents[1]
    api = transactions.Application("lungwise.api", root_path=str(package), static_folder=None)
    api.config.update(
        **bodies.config(settings.study_films),
        PROVIDE_AUTOMATIC_OPTIONS=False,
        BABEL_DEFAULT_LOCALE="en",
    )
    api.url_map.merge_slashes = False
    api.url_map.converters["key"] = KeyConverter
    Babel(api, locale_selector=lambda: request.accept_languages.best_match(list(LANGUAGES), "en"))
    request_log.watch(api)
    transactions.init_app(api, database, sessions, lay_desk)
    csp.init_app(api, https=settings.https)
    csp.answer_with_attachments(api)
    problems.init_app(api)
    operations = {operation.name: operation for room in _ROOMS for operation, _ in room.items}
    _guard(api, operations, Rates(settings.api_rate, clock), settings.upload_megabytes << 20)
    fields.readable_address(api)
    for room in _ROOMS:
        room.register(api)
    reference(api, document(list(operations.values()), __version__))
    return api


def _guard(api: Flask, operations: dict[str, Operation], rates: Rates, most: int) -> None:
    """Let nobody in without a token, and no token beyond its scopes and its rate; films alone may be large."""

    def guard() -> Response | None:
        if request.endpoint in ("document", "page"):
            return bodies.admit(bodies.SMALL)
        authenticate()
        limit(rates)
        operation = operations.get(request.endpoint or "")
        if operation and not g.person.may(operation.scope.right):
            raise Refused(403)
        return bodies.admit(most if operation and _takes_films(operation) else bodies.SMALL)

    def add_rate(response: Response) -> Response:
        if "rate" in g:
            response.headers.extend(g.rate.headers)
        if "ask_again_after" in g:
            response.headers["Retry-After"] = str(g.ask_again_after)
        return response

    api.before_request(guard)
    api.after_request(add_rate)


def _takes_films(operation: Operation) -> bool:
    if operation.takes_films and request.mimetype not in UPLOAD_TYPES:
        raise Refused(415)
    return operation.takes_films


def authenticate() -> None:
    """Let the request act as its token's person, or refuse it."""
    header = request.authorization
    text = header.token if header and header.type == "bearer" else None
    token = desk().tokens.check(text) if text else None
    if token is None:
        raise Refused(401, {"WWW-Authenticate": "Bearer"})
    g.token_id, g.person, g.clinic = token.id, person_of(token), token.user.clinic.name
    if desk().tokens.is_newly_used(token):
        key = token.key
        desk().noted.append(lambda after: after.tokens.used(key))


def limit(rates: Rates) -> None:
    """Count the request, and refuse it where there were too many; one whose body is only asked for is counted later."""
    if bodies.ASKS in request.environ:
        return
    g.rate = rates.count(g.token_id)
    if g.rate.left < 0:
        raise Refused(429, {"Retry-After": str(g.rate.seconds)})
