"""The API's application, mounted beside the pages; it takes tokens only."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Flask, Response, g, request
from sqlalchemy.orm import Session, scoped_session

from lungwise import __version__
from lungwise.accounts.bearer import authenticate, require
from lungwise.api.capability_statement import capability_statement
from lungwise.api.framework.document import document
from lungwise.api.framework.operations import UPLOAD_TYPES, KeyConverter, Operation
from lungwise.api.operation_outcomes import as_outcome
from lungwise.api.resources.about import describe, reference
from lungwise.api.resources.aggregates import aggregates
from lungwise.api.resources.fhir import fhir, metadata
from lungwise.api.resources.films import films
from lungwise.api.resources.orders import orders
from lungwise.api.resources.patients import patients
from lungwise.api.resources.reports import reports
from lungwise.api.resources.results import results
from lungwise.api.resources.studies import studies
from lungwise.api.resources.unsent import unsent
from lungwise.languages import LANGUAGES
from lungwise.settings import Settings
from lungwise.store import Clock, Database
from lungwise.webkit import bodies, fields, transactions
from lungwise.webkit.i18n import chosen
from lungwise.webkit.problems import Refused
from lungwise.webkit.program_app import program_app
from lungwise.webkit.rates import Rates, limit

PREFIX = "/api/v1"
_PUBLIC = ("document", "page", "capabilities")
"""What says only how the API is spoken to, and so needs no token."""
_RESOURCES = (studies, films, patients, reports, results, aggregates, unsent, orders, fhir, describe)


def create_api(
    settings: Settings,
    clock: Clock,
    database: Database,
    sessions: scoped_session[Session],
) -> transactions.Application:
    """Make the API's application over the same services as the pages."""
    api = program_app("lungwise.api", settings, database, sessions, _language)
    api.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    api.url_map.merge_slashes = False
    api.url_map.converters["key"] = KeyConverter
    operations = {operation.name: operation for operation in _operations()}
    _refuse_as_fhir_does(api)
    _guard(api, operations, Rates(settings, clock, "api"), settings.upload_megabytes << 20)
    fields.readable_address(api)
    for resource in _RESOURCES:
        resource.register(api)
    reference(api, _document)
    address = f"{settings.public_url}{PREFIX}/fhir" if settings.public_url else ""
    metadata(api, capability_statement(operations.values(), __version__, clock(), address))
    return api


def _operations() -> list[Operation]:
    return [operation for resource in _RESOURCES for operation, _ in resource.items]


@cache
def _document() -> dict[str, Any]:
    """Write the document, the same for every application: once, since it takes longer than a page."""
    return document(_operations(), __version__)


def _language() -> str:
    return chosen() or request.accept_languages.best_match(list(LANGUAGES), "en")


def _guard(api: Flask, operations: dict[str, Operation], rates: Rates, largest_upload: int) -> None:
    """Let in only who has a token, within its scopes and at its rate; only films may be large."""

    def guard() -> Response | None:
        if request.endpoint in _PUBLIC:
            return bodies.admit(bodies.SMALL)
        authenticate()
        limit(rates)
        operation = operations.get(request.endpoint or "")
        if operation:
            require(*operation.rights)
        return bodies.admit(largest_upload if operation and _takes_films(operation) else bodies.SMALL)

    def add_rate(response: Response) -> Response:
        if "rate" in g:
            response.headers.extend(g.rate.headers)
        if "ask_again_after" in g:
            response.headers["Retry-After"] = str(g.ask_again_after)
        return response

    api.before_request(guard)
    api.after_request(add_rate)


def _refuse_as_fhir_does(api: Flask) -> None:
    """Answer below FHIR's address as FHIR does, whatever is asked for there."""

    def refused(response: Response) -> Response:
        return as_outcome(response) if request.path.split("/")[1:2] == ["fhir"] else response

    api.after_request(refused)


def _takes_films(operation: Operation) -> bool:
    if operation.takes_films and request.mimetype not in UPLOAD_TYPES:
        raise Refused(415)
    return operation.takes_films
