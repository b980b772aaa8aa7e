"""The OpenAPI 3.1 document, written from the operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from lungwise.api.framework.operations import FHIR_TYPE, FILM_TYPES, KEY, TABLE_TYPE, Operation
from lungwise.api.order_schemas import Order
from lungwise.api.schema_base import Asked
from lungwise.api.schemas import Film, Problem, Study
from lungwise.webkit.problems import MEDIA_TYPE

Json = dict[str, Any]
_REF = "#/components/schemas/{model}"
_KEY: Json = {"type": "string", "pattern": f"^{KEY}$"}
_BINARY: Json = {"type": "string", "format": "binary"}
_LINKS: dict[type[BaseModel], tuple[tuple[str, str], ...]] = {
    Study: (
        ("get_study", "$response.body#/key"),
        ("list_opinions", "$response.body#/key"),
        ("conclude", "$response.body#/key"),
        ("add_films", "$response.body#/key"),
        ("get_report", "$response.body#/key"),
        ("get_report_pdf", "$response.body#/key"),
        ("get_report_fhir", "$response.body#/key"),
        ("get_patient", "$response.body#/patient"),
        ("delete_study", "$response.body#/key"),
        ("get_film", "$response.body#/films/0/key"),
    ),
    Order: (("get_order", "$response.body#/key"), ("cancel_order", "$response.body#/key")),
    Film: tuple(
        (name, "$response.body#/key") for name in ("get_film", "get_heat_map", "get_heat_picture", "get_original")
    ),
}
"""The operations that take a key of a response."""


_TOKEN = "Made on the page of one's account, by an administrator for a machine, or by `lungwise tokens add`."  # noqa: S105
_HEADERS: Json = {
    "RateLimit": {
        "description": "How many requests the token has left, and in how many seconds the count begins anew.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {"description": "How many requests a token has in a window.", "schema": {"type": "string"}},
}


def document(operations: list[Operation], version: str) -> Json:
    """Write the document."""
    schemas = _schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        path = re.sub(r"<key:(\w+)>", r"{\1}", operation.rule)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lungwise",
            "version": version,
            "description": "Reads chest X-ray films for COVID-19. Decision support for research, not a medical device.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": _TOKEN}},
            "headers": _HEADERS,
        },
    }


def _schemas(operations: list[Operation]) -> Json:
    taken = {model for one in operations for model in (one.query, one.body, one.fields) if model}
    given: set[type[BaseModel]] = {Problem, *(one.gives for one in operations if not isinstance(one.gives, str))}
    modes = [*_named("validation", taken), *_named("serialization", given)]
    _, text = models_json_schema(modes, ref_template=_REF)
    asked = _names_below(Asked) | {one.query.__name__ for one in operations if one.query}
    return {name: _plain(schema, null=name not in asked) for name, schema in text["$defs"].items()}


def _names_below(model: type[BaseModel]) -> set[str]:
    """Return the names of the models that are made after one: also of those that are parts of a body."""
    return {name for one in model.__subclasses__() for name in {one.__name__} | _names_below(one)}


def _named(mode: JsonSchemaMode, models: set[type[BaseModel]]) -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    return [(model, mode) for model in sorted(models, key=lambda model: model.__name__)]


def _plain(schema: Json, *, null: bool) -> Json:
    """Write a model's schema without titles, and with null for what may be left out only where null is taken too."""
    fields = {name: _field(field, null=null) for name, field in schema.get("properties", {}).items()}
    named = {part: value for part, value in schema.items() if part != "title"}
    return {**named, "properties": fields}


def _field(field: Json, *, null: bool) -> Json:
    plain = {part: value for part, value in field.items() if part != "title"}
    if plain.get("default", ...) is None:
        del plain["default"]
        if not null:
            plain |= next(one for one in plain.pop("anyOf") if one != {"type": "null"})
    return plain


def _operation(operation: Operation, schemas: Json) -> Json:
    text: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "x-scope": operation.scope.value,
        "tags": [operation.rule.split("/")[1]],
        "parameters": [*_path(operation), *_query(operation, schemas), *_header(operation)],
        "responses": dict(_responses(operation)),
    }
    if operation.right:
        text["x-right"] = operation.right.value
    if operation.details:
        text["description"] = operation.details
    body = _body(operation, schemas)
    return {**text, "requestBody": body} if body else text


def _path(operation: Operation) -> Iterable[Json]:
    for name in re.findall(r"<key:(\w+)>", operation.rule):
        yield {"name": name, "in": "path", "required": True, "schema": _KEY}


def _query(operation: Operation, schemas: Json) -> Iterable[Json]:
    if operation.query is None:
        return
    for name, schema in schemas[operation.query.__name__]["properties"].items():
        plain = {part: value for part, value in schema.items() if part != "description"}
        about = {"description": schema["description"]} if "description" in schema else {}
        yield {"name": name, "in": "query", "required": False, **about, "schema": plain}


def _header(operation: Operation) -> Iterable[Json]:
    if operation.is_idempotent:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Sent again within a day with the same request, nothing is done twice and the answer is of "
            "the same thing; with another request it is refused.",
            "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
        }


def _body(operation: Operation, schemas: Json) -> Json | None:
    if operation.body:
        return {"required": True, "content": {"application/json": {"schema": _ref(operation.body)}}}
    if operation.takes_table:
        return {"required": True, "content": {TABLE_TYPE: {"schema": {"type": "string", "format": "result-table"}}}}
    if operation.takes_fhir:
        return {"required": True, "content": {FHIR_TYPE: {"schema": {"type": "object"}}}}
    if operation.fields is None:
        return None
    form = {
        "type": "object",
        "properties": {
            "films": {"type": "array", "items": _BINARY, "minItems": 1},
            **schemas[operation.fields.__name__].get("properties", {}),
        },
        "required": ["films"],
        "additionalProperties": False,
    }
    whole = {name: {"schema": _BINARY} for name in FILM_TYPES}
    return {"required": True, "content": {"multipart/form-data": {"schema": form}, **whole}}


def _responses(operation: Operation) -> Iterable[tuple[str, Json]]:
    if isinstance(operation.gives, str):
        schema: Json = {"type": "object"} if operation.gives.endswith("json") else _BINARY
    else:
        schema = _ref(operation.gives)
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    for status in operation.statuses:
        yield (
            str(status),
            {
                "description": "Done.",
                "headers": headers,
                "content": {operation.media_type: {"schema": schema}},
                **_links(operation),
            },
        )
    refusal = (FHIR_TYPE, {"type": "object"}) if operation.is_of_fhir else (MEDIA_TYPE, _ref(Problem))
    for status in operation.problems:
        yield (
            str(status),
            {"description": operation.meaning_of(status), "content": {refusal[0]: {"schema": refusal[1]}}},
        )


def _links(operation: Operation) -> Json:
    if isinstance(operation.gives, str):
        return {}
    links = _LINKS.get(operation.gives, ())
    named = {name: {"operationId": name, "parameters": {"key": source}} for name, source in links}
    return {"links": named} if named else {}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _REF.format(model=model.__name__)}
