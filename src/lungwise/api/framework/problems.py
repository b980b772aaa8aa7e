"""Every no of the API is a problem document (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus

from flask import Flask, Response
from flask_babel import gettext
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from lungwise.api.schemas import FieldError, Problem
from lungwise.errors import Conflict, Full, NotFound, Rejected, Unavailable
from lungwise.store import answer_of, fault_of

_log = logging.getLogger("lungwise.api")
MEDIA_TYPE = "application/problem+json"
SENTENCES = {
    400: "This request cannot be understood. See the API's document for its form.",
    401: "This needs a token that is valid. Send it as: Authorization: Bearer TOKEN.",
    403: "The token does not allow this. Make one with the scope that the document names.",
    404: "There is nothing here, or it belongs to another clinic.",
    405: "This address does not take this method; the Allow header names those it takes.",
    409: "This idempotency key was sent before with another request. Send a new key.",
    406: "No kind of answer that the Accept header names can be given here.",
    413: "This upload is too large. Upload fewer films at once.",
    415: "This address does not take this kind of content. See the API's document for those it takes.",
    422: "A part of this request is not as the API's document describes it.",
    429: "There were too many requests with this token. Go on after the seconds that Retry-After names.",
    500: "Something went wrong on our side. Nothing that was saved is lost. Please try again.",
    503: "The database does not answer just now. Nothing of this request was kept. Please try again.",
    507: "The disk is full. Nothing of this request was kept. Tell the administrator.",
}
"""What each status means, in a sentence."""
_NOT_KEPT = "Nothing of what you just sent was kept, and nothing that was saved is lost. Please try again."


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The request is not done; the status says why."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(SENTENCES[status])
        self.status = status
        self.headers = headers or {}


def init_app(api: Flask) -> None:
    """Give every kind of no its problem."""
    api.register_error_handler(Refused, lambda no: answer(no.status, headers=no.headers))
    api.register_error_handler(NotFound, lambda _no: answer(404))
    api.register_error_handler(Rejected, lambda no: answer(422, no.said(gettext)))
    api.register_error_handler(ValidationError, _invalid)
    api.register_error_handler(HTTPException, _http)
    api.register_error_handler(Full, lambda _no: answer(507))
    api.register_error_handler(Unavailable, lambda no: answer(503, gettext(str(no))))
    api.register_error_handler(SQLAlchemyError, _database)
    api.register_error_handler(Exception, _fault)


def answer(
    status: int, title: str = "", errors: Sequence[FieldError] = (), headers: dict[str, str] | None = None
) -> Response:
    """Write a problem."""
    problem = Problem(type="about:blank", title=title or SENTENCES[status], status=status, errors=list(errors))
    return Response(problem.model_dump_json(), status, headers, content_type=MEDIA_TYPE)


def _invalid(error: ValidationError) -> Response:
    found = [
        FieldError(where=".".join(map(str, one["loc"])) or "request", what=one["msg"])
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return answer(422, errors=found)


def _http(error: HTTPException) -> Response:
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, SQLAlchemyError):  # while the answer's transaction was committed
        return _database(cause)
    status = error.code if error.code in SENTENCES else HTTPStatus.BAD_REQUEST
    allowed = dict(error.get_headers()).get("Allow")
    return answer(status, headers={"Allow": allowed} if allowed else None)


def _database(error: SQLAlchemyError) -> Response:
    """Say the true cause of a database's error."""
    why = answer_of(error)
    if why is None:
        return _fault(error)
    _log.error("The database does not do what it is asked: %s.", fault_of(error), exc_info=error)
    if isinstance(why, Full):
        return answer(507)
    status = 503 if isinstance(why, Unavailable) else 409 if isinstance(why, Conflict) else 422
    return answer(status, f"{gettext(str(why))} {gettext(_NOT_KEPT)}")


def _fault(error: Exception) -> Response:
    _log.error("A request failed.", exc_info=error)
    return answer(500)
