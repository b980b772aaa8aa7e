"""What pages are sent: checked once before any page or form, so that none of them meets what no form can send."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, abort, request

from lungwise.inputs import is_text

FIELDS = 200
"""Most fields of one request."""
FIELD_CHARACTERS = 1000
"""Most characters of any field. The forms have lower limits, and say so beside the field."""
_NAME_CHARACTERS = 100
_CHARACTERS_OF = {"note": 8000, "packed": 64 << 10, "code": 4096, "logout_token": 32 << 10}


def init_app(app: Flask) -> None:
    """Refuse requests to pages whose address or form holds what no browser sends."""
    app.before_request(_check_address)
    app.before_request(_check_fields)


def readable_address(app: Flask) -> None:
    """Refuse requests whose address cannot be read; what its parameters may hold is the application's own to say."""
    app.before_request(_check_address)


def _check_address() -> None:
    try:
        request.query_string.decode()
    except UnicodeDecodeError:
        abort(400)


def _check_fields() -> None:
    if request.is_json and request.blueprint != "security":
        abort(415)  # pages take forms; programs have the API
    for count, (name, value) in enumerate(_sent()):
        if count == FIELDS or not _is_plain(name, value):
            abort(422)


def _sent() -> Iterator[tuple[str, str]]:
    yield from request.args.items(multi=True)
    if request.is_json:
        yield from ((str(name), str(value)) for name, value in _json_fields().items())
    else:
        yield from request.form.items(multi=True)


def _json_fields() -> dict[str, object]:
    try:
        fields = request.get_json(silent=True)
    except RecursionError:
        abort(400)
    return fields if isinstance(fields, dict) else {}


def _is_plain(name: str, value: str) -> bool:
    return is_text(name, _NAME_CHARACTERS) and is_text(value, _CHARACTERS_OF.get(name, FIELD_CHARACTERS))
