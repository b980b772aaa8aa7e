"""What an answer looks like when the answer is no: a page for people, a problem (RFC 9457) for programs."""

from __future__ import annotations

import logging

from flask import Flask, Response, current_app, jsonify, render_template, request
from flask_babel import gettext, lazy_gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from lungwise.errors import Conflict, Full, NotFound, Rejected, Unavailable
from lungwise.store import Fault, answer_of, fault_of

_log = logging.getLogger("lungwise.web")
_NOTHING = lazy_gettext("There is nothing here, or it belongs to another clinic.")
_SENTENCES = {
    400: lazy_gettext("This request was incomplete. Go back, load the page again, and repeat what you did."),
    401: lazy_gettext("You are signed out. Load the page again, sign in, and repeat what you did."),
    404: _NOTHING,
    405: _NOTHING,
    413: lazy_gettext("This is too large. Upload fewer films at once, or write less."),
    415: lazy_gettext("These pages take forms. Programs use the API."),
    422: lazy_gettext("Something in this request is too long, or cannot be read. Go back, and correct it."),
    429: lazy_gettext("There were too many attempts. Wait a few minutes."),
    500: lazy_gettext("Something went wrong on our side. Nothing that was saved is lost. Please try again."),
    503: lazy_gettext("The database cannot be reached just now. Nothing that was saved is lost. Please try again."),
    507: lazy_gettext(
        "The disk is full. Nothing of what you just sent was kept, and nothing that was saved is lost. "
        "Tell your administrator."
    ),
}
_UNREACHABLE_NOT_KEPT = lazy_gettext(
    "The database cannot be reached just now. Nothing of what you just sent was kept, and nothing that was saved is "
    "lost. Please try again."
)
_NOT_LOST = lazy_gettext("Nothing that was saved is lost. Please try again.")
_NOT_KEPT = lazy_gettext(
    "Nothing of what you just sent was kept, and nothing that was saved is lost. Please try again."
)
_EXPIRED = lazy_gettext("This page was open for too long. Go back, load it again, and repeat what you did.")


def wants_json() -> bool:
    """Say whether a program is asking rather than a browser's page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json", "application/problem+json"])
    return best is not None and best.endswith("json")


def init_app(app: Flask) -> None:
    """Give every kind of no its answer."""
    app.register_error_handler(NotFound, lambda _no: _answer(404, str(_NOTHING)))
    app.register_error_handler(Rejected, lambda no: _answer(422, no.said(gettext)))
    app.register_error_handler(CSRFError, lambda _no: _answer(400, str(_EXPIRED)))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Full, lambda _no: _answer(507, str(_SENTENCES[507])))
    app.register_error_handler(Unavailable, lambda no: _answer(503, gettext(str(no))))
    app.register_error_handler(SQLAlchemyError, _database)
    app.register_error_handler(Exception, _fault)


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return current_app.make_response(error.response)
    status = error.code or 500
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, SQLAlchemyError):  # while the answer's transaction was committed
        return _database(cause)
    if status < 400:
        return current_app.make_response(error.get_response())
    return _answer(status, str(_SENTENCES.get(status, _SENTENCES[400 if status < 500 else 500])))


def _database(error: SQLAlchemyError) -> Response:
    """Say the true cause of a database's error, and what became of what was sent."""
    why, fault, reads = answer_of(error), fault_of(error), request.method in ("GET", "HEAD")
    if why is None:
        return _fault(error)
    _log.error("The database does not do what it is asked: %s.", fault, exc_info=error)
    if fault is Fault.FULL:
        return _answer(507, str(_SENTENCES[507]))
    if fault is Fault.UNREACHABLE:
        return _answer(503, str(_SENTENCES[503] if reads else _UNREACHABLE_NOT_KEPT))
    kept = _NOT_LOST if reads else _NOT_KEPT
    return _answer(_status(why), f"{gettext(str(why))} {kept}")


def _status(no: Exception) -> int:
    return 503 if isinstance(no, Unavailable) else 409 if isinstance(no, Conflict) else 422


def _fault(error: Exception) -> Response:
    _log.error("A request failed.", exc_info=error)
    return _answer(500, str(_SENTENCES[500]))


def _answer(status: int, sentence: str) -> Response:
    if wants_json():
        problem = {"type": "about:blank", "title": sentence, "status": status}
        response = jsonify(problem)
        response.content_type = "application/problem+json"
    else:
        response = current_app.make_response(_page(status, sentence))
    response.status_code = status
    return response


def _page(status: int, sentence: str) -> str:
    if status < 500:
        return render_template("error.html", sentence=sentence)
    # Without the database nobody knows who is signed in: that page must not ask, as Flask's own context would.
    return current_app.jinja_env.get_template("error_plain.html").render(sentence=sentence)
