"""One session for each request: committed before the answer leaves, rolled back where it failed.

A request whose transaction collides with another's is begun anew as a whole: a new session, a new desk, and the
cookie and the form as they came.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack

from flask import Flask, Request, Response, g, request
from flask.ctx import RequestContext
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, scoped_session
from werkzeug.exceptions import HTTPException

from lungwise.store import Database, is_collision, retried
from lungwise.webkit.request_services import Desk

_READS = ("GET", "HEAD", "OPTIONS")
_log = logging.getLogger("lungwise.web")


class Application(Flask):
    """A Flask application that begins a request anew where its transaction collides with another."""

    def full_dispatch_request(self) -> Response:
        """Answer the request; each further attempt has contexts of its own, so that nothing of the last one stays."""
        with ExitStack() as contexts:

            def attempt() -> Response:
                if "is_begun" in g:
                    contexts.enter_context(self.app_context())
                    contexts.enter_context(_context_anew(self))
                g.is_begun = True
                try:
                    return super(Application, self).full_dispatch_request()
                except Exception as error:
                    self.do_teardown_request(error)  # the session lets go of what it has locked
                    if g.get("is_done_once") and is_collision(error):
                        return self.handle_exception(error)
                    raise

            return retried(attempt)

    def handle_user_exception(self, e: Exception) -> HTTPException | ResponseReturnValue:
        """Let a collision through, to be tried again."""
        if is_collision(e) and not g.get("is_done_once"):
            raise e
        return super().handle_user_exception(e)


def _context_anew(app: Flask) -> RequestContext:
    """Make a context for the same request: its form and its files are as they came."""
    again: Request = request._get_current_object()  # type: ignore[attr-defined]
    if "files" in again.__dict__:  # they have been read
        for file in (file for _name, files in again.files.lists() for file in files):
            file.seek(0)
    return RequestContext(app, again.environ, request=again)


def request_session(database: Database) -> scoped_session[Session]:
    """Make the session that each request finds as its own; it takes the write lock only to write."""

    def session() -> Session:
        return database.session(writes=False) if request.method in _READS else database.request_session()

    return scoped_session(session, scopefunc=lambda: id(g._get_current_object()))  # type: ignore[arg-type]


def init_app(
    app: Flask, database: Database, sessions: scoped_session[Session], lay_desk: Callable[[Session], Desk]
) -> None:
    """Lay the desk before each request, and clear it afterwards."""

    def lay() -> None:
        if request.endpoint not in ("static", "healthz"):
            g.desk = lay_desk(sessions())

    def clear(response: Response) -> Response:
        desk: Desk | None = g.pop("desk", None)
        if desk is not None:
            _end(desk, succeeded=response.status_code < 400)
            if desk.noted and response.status_code < 400:
                database.transact(lambda session: _note(desk, lay_desk(session)))
        return response

    def close(_error: BaseException | None) -> None:
        sessions.remove()

    app.before_request(lay)
    app.after_request(clear)
    app.teardown_request(close)


def _end(desk: Desk, *, succeeded: bool) -> None:
    if not succeeded or request.method in _READS:
        desk.session.rollback()
    else:
        desk.session.commit()
    for deed in desk.after_commit if succeeded else ():
        try:
            deed()
        except Exception:  # what was asked for is done, and the answer must say so
            _log.exception("What follows a request cannot be done.")


def _note(desk: Desk, writing: Desk) -> None:
    for deed in desk.noted:
        deed(writing)
