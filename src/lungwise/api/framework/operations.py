"""What each address of the API takes and returns: declared once, checked at each request, documented."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypedDict, TypeVar, Unpack

from flask import Flask, Response, request
from pydantic import BaseModel
from werkzeug.routing import BaseConverter

from lungwise.access import Right
from lungwise.accounts.tokens import Scope
from lungwise.films.formats import FORMATS
from lungwise.webkit.problems import API as SENTENCES
from lungwise.webkit.problems import Refused

View = TypeVar("View", bound=Callable[..., Any])
Gives = type[BaseModel] | str
KEY = "[0-9a-f]{20}"
"""The form of a key."""
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,128}")
FILM_TYPES = (*(known.media_type for known in FORMATS), "application/zip", "application/octet-stream")
"""What may be sent as the whole body of an upload."""
TABLE_TYPE = "text/csv"
FHIR_TYPE = "application/fhir+json"
_CONTRADICTED = "What is there does not allow this. The title says why."
_OR_CONTRADICTED = "Or what is there contradicts this, or somebody else changed it first: the title says so."
UPLOAD_TYPES = (*FILM_TYPES, "multipart/form-data")


class Options(TypedDict, total=False):
    """What else an operation may declare; see `Operation`."""

    scope: Scope
    right: Right
    query: type[BaseModel]
    body: type[BaseModel]
    fields: type[BaseModel]
    takes_table: bool
    takes_fhir: bool
    names_key: bool
    may_contradict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one address.

    Parameters
    ----------
    rule
        The address, in Flask's form.
    summary, details
        The first line of the view's docstring, and the rest.
    gives
        A model, or the media type of what has no model here.
    status
        Of the response when all went well.
    scope
        What the token must allow.
    right
        What the role of its owner must allow; what the scope says where it is not given.
    query, body
        Models of the query and of a JSON body.
    fields
        Model of the form fields beside the films, if films are uploaded.
    takes_table
        Whether its body is a CSV table, which the view is given as bytes.
    takes_fhir
        Whether its body is a resource of FHIR, which the view is given as bytes.
    names_key
        Whether its body names by a key what may not be there.
    may_contradict
        Whether what is there may not allow it, though it takes no idempotency key.
    """

    name: str
    method: str
    rule: str
    summary: str
    details: str
    gives: Gives
    status: int
    scope: Scope = Scope.SEE
    right: Right | None = None
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    fields: type[BaseModel] | None = None
    takes_table: bool = False
    takes_fhir: bool = False
    names_key: bool = False
    may_contradict: bool = False

    @property
    def rights(self) -> tuple[Right, ...]:
        """What the token's person must be allowed."""
        return (self.scope.right, *([self.right] if self.right else ()))

    @property
    def media_type(self) -> str:
        """The media type of its answer."""
        return self.gives if isinstance(self.gives, str) else "application/json"

    @property
    def is_of_fhir(self) -> bool:
        """Whether its refusals are FHIR's too: an OperationOutcome."""
        return self.rule.partition("/<")[0].startswith("/fhir")

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses of a response when all went well."""
        return (200, 201) if self.takes_fhir else (self.status,)

    @property
    def takes_films(self) -> bool:
        """Whether films are uploaded."""
        return self.fields is not None

    @property
    def is_idempotent(self) -> bool:
        """Whether it takes an idempotency key: whatever changes something does."""
        return self.scope in (Scope.UPLOAD, Scope.CONCLUDE)

    @property
    def problems(self) -> tuple[int, ...]:
        """The error statuses that it may return."""
        found: list[int] = [401, 403, 429, 503]
        if (
            "<key:" in self.rule or self.takes_fhir or self.names_key
        ):  # whose patient is deleted, and asked for again by its key
            found.append(404)
        if self.query or self.body or self.fields or self.takes_fhir:
            found.append(422)
        if self.body or self.fields or self.takes_table or self.takes_fhir:
            found += [400, 413, 415]
        if self.is_idempotent:  # 400: where the key is none
            found += [400, 507]
        if self.is_idempotent or self.may_contradict:
            found.append(409)
        return tuple(sorted(set(found)))

    def meaning_of(self, status: int) -> str:
        """Say what an error status of it means."""
        if status != 409:
            return SENTENCES[status]
        return f"{SENTENCES[409]} {_OR_CONTRADICTED}" if self.is_idempotent else _CONTRADICTED


class KeyConverter(BaseConverter):
    """A key in an address."""

    regex = KEY


@dataclass(slots=True)
class Operations:
    """The operations of one resource."""

    items: list[tuple[Operation, Callable[..., Any]]] = field(default_factory=list)

    def get(self, rule: str, gives: Gives, **options: Unpack[Options]) -> Callable[[View], View]:
        """Declare an operation that reads."""
        return self._declare("GET", rule, gives, 200, options)

    def post(self, rule: str, gives: Gives, status: int = 200, **options: Unpack[Options]) -> Callable[[View], View]:
        """Declare an operation that writes, or one that searches for words which must not be in an address."""
        return self._declare("POST", rule, gives, status, options)

    def delete(self, rule: str, gives: Gives, **options: Unpack[Options]) -> Callable[[View], View]:
        """Declare an operation that deletes for good."""
        return self._declare("DELETE", rule, gives, 200, options)

    def register(self, api: Flask) -> None:
        """Add the addresses to the application."""
        for operation, view in self.items:
            api.add_url_rule(operation.rule, operation.name, _checked(operation, view), methods=[operation.method])

    def _declare(self, method: str, rule: str, gives: Gives, status: int, options: Options) -> Callable[[View], View]:
        def declare(view: View) -> View:
            summary, _, details = (view.__doc__ or "").strip().partition("\n")
            operation = Operation(
                name=view.__name__,
                method=method,
                rule=rule,
                summary=summary,
                details=" ".join(details.split()),
                gives=gives,
                status=status,
                **options,
            )
            self.items.append((operation, view))
            return view

        return declare


def _checked(operation: Operation, view: Callable[..., Any]) -> Callable[..., Response]:
    """Wrap a view: check its input before, and write its response after."""

    @wraps(view)
    def checked(**path: str) -> Response:
        given: dict[str, Any] = dict(path)
        if operation.query:
            given["query"] = operation.query.model_validate(_single(request.args.to_dict(flat=False)))
        if operation.body:
            given["body"] = _json(operation.body)
        if operation.fields:
            given["fields"] = operation.fields.model_validate(_form())
        if operation.takes_table or operation.takes_fhir:
            given |= _whole_body(operation)
        if operation.is_idempotent:
            idempotency_key()
        response = view(**given)
        if isinstance(response, Response):
            return response
        return Response(response.model_dump_json(), operation.status, content_type="application/json")

    return checked


def idempotency_key() -> str | None:
    """Return the request's idempotency key, or None."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused(400)
    return key


def _single(values: dict[str, list[str]]) -> dict[str, Any]:
    """Unpack single values; a value given twice stays a list, which no field takes."""
    return {name: given[0] if len(given) == 1 else given for name, given in values.items()}


def _json(model: type[BaseModel]) -> BaseModel:
    if request.mimetype != "application/json":
        raise Refused(415)
    return model.model_validate_json(request.get_data(), strict=True)


def _whole_body(operation: Operation) -> dict[str, bytes]:
    """Return a body that the view itself reads, by the name of its parameter."""
    name, types = ("table", (TABLE_TYPE,)) if operation.takes_table else ("resource", (FHIR_TYPE, "application/json"))
    if request.mimetype not in types:
        raise Refused(415)
    return {name: request.get_data()}


def _form() -> dict[str, Any]:
    """Return the form's fields; a film that is the whole body has none beside it."""
    if request.mimetype == "multipart/form-data":
        return _single(request.form.to_dict(flat=False))
    if request.mimetype not in FILM_TYPES:
        raise Refused(415)
    return {}
