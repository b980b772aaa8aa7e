"""How a request is refused: by a page for people, by a problem (RFC 9457) for programs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Flask, Response, current_app, render_template, request
from flask_babel import gettext, lazy_gettext
from flask_wtf.csrf import CSRFError
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from lungwise.errors import ClinicClosed, Conflict, Contradiction, Full, NotFound, Rejected, Unavailable
from lungwise.logs import request_id
from lungwise.store import Fault, answer_of, fault_of
from lungwise.webkit.transactions import is_nothing_kept

_log = logging.getLogger("lungwise.web")
MEDIA_TYPE = "application/problem+json"
_FAULT = lazy_gettext("Something went wrong on our side.")
_NOTHING = lazy_gettext("There is nothing here, or it belongs to another clinic.")
_PAGES = {
    400: lazy_gettext("Part of this form was missing. Go back, reload the page and try again."),
    401: lazy_gettext("You are signed out. Sign in again, then repeat what you did."),
    404: _NOTHING,
    405: _NOTHING,
    413: lazy_gettext("This is too large. Upload fewer films at once, or write less."),
    415: lazy_gettext("This page takes forms only. Programs use the API."),
    422: lazy_gettext("Something you sent is too long or cannot be read. Go back and correct it."),
    429: lazy_gettext("Too many attempts. Wait a few minutes."),
    500: _FAULT,
}
_HEADINGS = {
    400: lazy_gettext("This form could not be sent"),
    401: lazy_gettext("Please sign in again"),
    404: lazy_gettext("Page not found"),
    405: lazy_gettext("Page not found"),
    409: lazy_gettext("Someone else changed this first"),
    413: lazy_gettext("This is too large"),
    415: lazy_gettext("This form could not be sent"),
    422: lazy_gettext("This was not accepted"),
    429: lazy_gettext("Too many attempts"),
    500: lazy_gettext("Something went wrong in Lungwise"),
    503: lazy_gettext("Not available right now"),
    507: lazy_gettext("The disk is full"),
}
"""What went wrong, in a few words, above the sentence that says what to do."""
_NO_LONGER_VALID = lazy_gettext("This page has expired")
API = {
    400: "This request cannot be understood. See the API's document for its form.",
    401: "This needs a token that is valid. Send it as: Authorization: Bearer TOKEN.",
    403: "The token does not allow this: it lacks the scope that the document names, or its owner's role may not.",
    404: "There is nothing here, or it belongs to another clinic.",
    405: "This address does not take this method; the Allow header names those it takes.",
    409: "This idempotency key was sent before with another request. Send a new key.",
    406: "No kind of answer that the Accept header names can be given here.",
    413: "This is too large. Send less at once: fewer films, fewer rows, or shorter texts.",
    415: "This address does not take this kind of content. See the API's document for those it takes.",
    422: "A part of this request is not as the API's document describes it.",
    429: "There were too many requests with this token. Go on after the seconds that Retry-After names.",
    500: "Something went wrong on our side. The title says whether anything of this request was kept.",
    503: "The database does not answer just now. The title says whether anything of this request was kept.",
    507: "The disk is full. The title says whether anything of this request was kept. Tell the administrator.",
}
"""What each status means to a program, in a sentence."""
_NOT_KEPT = lazy_gettext("Nothing you just sent was kept.")
_PERHAPS_KEPT = lazy_gettext("Check whether it was saved before you send it again.")
_AGAIN = lazy_gettext("Please try again.")
_TELL = lazy_gettext("Tell your administrator.")
_IF_AGAIN = lazy_gettext("If it happens again, tell your administrator the request number.")
_PASSING = (Fault.COLLISION, Fault.BUSY, Fault.UNREACHABLE)
"""Faults of a database that may be over in a moment."""
_EXPIRED = lazy_gettext("This page was open for too long. Go back, reload it and try again.")

Write = Callable[[int, str], Response]
"""Writes an answer of a status and a sentence."""


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """A program's request is not done; the status says why, or a title that says more."""

    def __init__(self, status: int, headers: dict[str, str] | None = None, title: str = "") -> None:
        super().__init__(title or API[status])
        self.status = status
        self.title = title
        self.headers = headers or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _ErrorAnswers:
    """How an application refuses: a sentence for each status, and how it is written."""

    sentences: Mapping[int, object]
    write: Write

    def status(self, status: int) -> Response:
        return self.write(status, str(self.sentences[status]))

    def database(self, error: SQLAlchemyError) -> Response:
        """Name the cause of a database's error, and what became of what was sent."""
        why = answer_of(error)
        if why is None:
            return self.fault(error)
        _log.error("The database refuses: %s.", fault_of(error), exc_info=error)
        fault = fault_of(error)
        if isinstance(why, Full):
            return self.full()
        status = 503 if isinstance(why, Unavailable) else 409 if isinstance(why, Conflict) else 422
        return self.write(status, _joined(gettext(str(why)), *_what_became(fault, passes=fault in _PASSING)))

    def full(self) -> Response:
        return self.write(507, _joined(gettext("The disk is full."), *_what_became(Fault.FULL, passes=False), _TELL))

    def fault(self, error: Exception) -> Response:
        _log.error("A request failed.", exc_info=error)
        return self.write(500, _joined(_FAULT, *_what_became(None, passes=True), _IF_AGAIN))

    def register(self, app: Flask, http: Callable[[HTTPException], Response]) -> None:
        app.register_error_handler(NotFound, lambda _no: self.status(404))
        app.register_error_handler(Rejected, lambda no: self.write(422, no.translated(gettext)))
        app.register_error_handler(Contradiction, lambda no: self.write(409, no.translated(gettext)))
        app.register_error_handler(Conflict, lambda no: self.write(409, gettext(str(no))))
        app.register_error_handler(ClinicClosed, lambda no: self.write(403, no.translated(gettext)))
        app.register_error_handler(HTTPException, lambda error: self.http(error, http))
        app.register_error_handler(Full, lambda _no: self.full())
        app.register_error_handler(Unavailable, lambda no: self.write(503, gettext(str(no))))
        app.register_error_handler(SQLAlchemyError, self.database)
        app.register_error_handler(Exception, self.fault)

    def http(self, error: HTTPException, answer: Callable[[HTTPException], Response]) -> Response:
        cause = getattr(error, "original_exception", None)
        if isinstance(cause, SQLAlchemyError):  # while the answer's transaction was committed
            return self.database(cause)
        return answer(error)


def _what_became(fault: Fault | None, *, passes: bool) -> list[object]:
    """Say what became of what was sent, as far as it is known, and whether to try again."""
    again = [_AGAIN] if passes else []
    if request.method in ("GET", "HEAD"):
        return [*again]
    return [_NOT_KEPT, *again] if is_nothing_kept(fault) else [_PERHAPS_KEPT]


def _joined(*sentences: object) -> str:
    return " ".join(map(str, sentences))


def wants_json() -> bool:
    """Return whether a program is asking rather than a browser's page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json", MEDIA_TYPE])
    return best is not None and best.endswith("json")


def init_pages(app: Flask) -> None:
    """Let the pages refuse by a page, or by a problem where a program asks."""
    _ErrorAnswers(sentences=_PAGES, write=_page_or_problem).register(app, _page_of)
    app.register_error_handler(CSRFError, lambda _no: _page_or_problem(400, str(_EXPIRED), _NO_LONGER_VALID))


def init_api(api: Flask) -> None:
    """Let an application for programs refuse by problems alone."""
    _ErrorAnswers(sentences=API, write=problem).register(api, _problem_of)
    api.register_error_handler(Refused, lambda no: problem(no.status, no.title, headers=no.headers))
    api.register_error_handler(ValidationError, _invalid)


def problem(
    status: int, title: str = "", errors: Sequence[dict[str, str]] = (), headers: dict[str, str] | None = None
) -> Response:
    """Write a problem; each of `errors` says `where` in the request, and `what` is wrong there."""
    document = {"type": "about:blank", "title": title or API[status], "status": status, "errors": list(errors)}
    return Response(json.dumps(document), status, headers, content_type=MEDIA_TYPE)


def _invalid(error: ValidationError) -> Response:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [{"where": ".".join(map(str, one["loc"])) or "request", "what": one["msg"]} for one in found]
    return problem(422, errors=errors)


def _problem_of(error: HTTPException) -> Response:
    status = error.code if error.code in API else 400
    allowed = dict(error.get_headers()).get("Allow")
    return problem(status, headers={"Allow": allowed} if allowed else None)


def _page_of(error: HTTPException) -> Response:
    if error.response is not None:
        return current_app.make_response(error.response)
    status = error.code or 500
    if status < 400:
        return current_app.make_response(error.get_response())
    return _page_or_problem(status, str(_PAGES.get(status, _PAGES[400 if status < 500 else 500])))


def _page_or_problem(status: int, sentence: str, heading: object = "") -> Response:
    if wants_json():
        return problem(status, sentence)
    heading = heading or _HEADINGS.get(status) or _HEADINGS[400 if status < 500 else 500]
    response = current_app.make_response(_page(status, sentence, str(heading)))
    response.status_code = status
    return response


def _page(status: int, sentence: str, heading: str) -> str:
    said = {"heading": heading, "sentence": sentence, "number": request_id.get()}
    if status < 500:
        return render_template("error.html", **said)
    # Without the database nobody knows who is signed in: that page must not ask, as Flask's own context would.
    return current_app.jinja_env.get_template("error_plain.html").render(**said)
