"""One session for each request: committed before the answer leaves, rolled back where it failed.

A request whose transaction collides with another's is begun anew as a whole: with a new session, and the cookie and the
form as they came. What follows a commit is the use case's own to say, with `store.after_commit`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar, cast

from flask import Flask, Request, Response, current_app, g, has_request_context, request
from flask.ctx import RequestContext
from flask.typing import ResponseReturnValue
from sqlalchemy import event
from sqlalchemy.orm import Session, scoped_session
from werkzeug.exceptions import HTTPException

from lungwise import logs
from lungwise.store import Database, Fault, is_collision, retried

View = TypeVar("View", bound=Callable[..., object])
_READS = ("GET", "HEAD", "OPTIONS")
_WRITES = "writes"
_ROWS = "lungwise_rows_written"
_REFUSALS = (Fault.COLLISION, Fault.BUSY, Fault.FULL, Fault.READ_ONLY, Fault.TOO_LARGE)
"""The errors with which a database says that a commit kept nothing."""
_WITHOUT_SESSION = ("static", "healthz")


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
                    number = logs.request_id.get()
                    self.do_teardown_request(error)  # the session lets go of what it has locked
                    logs.request_id.set(number)  # for the page that reports it
                    if g.get("is_done_once") and is_collision(error):
                        return self.handle_exception(error)
                    raise

            return retried(attempt)

    def handle_user_exception(self, e: Exception) -> HTTPException | ResponseReturnValue:
        """Let a collision through, to be retried."""
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


def writes(view: View) -> View:
    """Mark a view that writes though it is asked for with GET, because another site leads the browser to it."""
    setattr(view, _WRITES, True)
    return view


def _reads() -> bool:
    """Return whether the present request keeps nothing."""
    view = current_app.view_functions.get(request.endpoint or "")
    return request.method in _READS and not getattr(view, _WRITES, False)


def session_per_request(database: Database) -> scoped_session[Session]:
    """Make the session that each request finds as its own; it takes the write lock only to write."""

    def session() -> Session:
        return database.session(writes=False) if _reads() else database.request_session()

    return scoped_session(session, scopefunc=lambda: id(g._get_current_object()))  # type: ignore[arg-type]


def init_app(app: Flask, database: Database, sessions: scoped_session[Session]) -> None:
    """Open a session before each request, and end its transaction with the answer."""

    def begin() -> None:
        if request.endpoint not in _WITHOUT_SESSION:
            g.session = sessions()

    def end(response: Response) -> Response:
        session: Session | None = g.pop("session", None)
        if session is None:
            return response
        if response.status_code >= 400:
            session.rollback()
            return response
        _end(session)
        actions: list[Callable[[Session], object]] = g.pop("after_response", [])
        if actions:
            database.postponed.write(lambda later: [action(later) for action in actions])
        return response

    def close(_error: BaseException | None) -> None:
        sessions.remove()

    app.before_request(begin)
    app.after_request(end)
    app.teardown_request(close)


def request_session() -> Session:
    """Return the present request's session."""
    return cast(Session, g.session)


def has_session() -> bool:
    """Return whether the present request has a session: files and `/healthz` have none."""
    return "session" in g


def undo() -> None:
    """Undo what the request did in its transaction so far."""
    request_session().rollback()


def end_early() -> None:
    """End the request's transaction, for a use case with transactions of its own; the request is not begun anew."""
    _end(request_session())
    g.is_done_once, g.was_kept = True, False  # of what the use case keeps, nothing yet


def is_nothing_kept(fault: Fault | None = None) -> bool:
    """Return whether it is certain that nothing of a request that failed was kept.

    A commit that the database refuses keeps nothing. One that it never answers may have kept everything.
    """
    return not g.get("was_kept") and (not g.get("committing") or fault in _REFUSALS)


def _begin_commit(session: Session) -> None:
    if has_request_context():
        g.setdefault("committing", set()).add(id(session))  # and it stays there unless the database answers


def _note_rows(session: Session, _flush: object) -> None:
    session.info[_ROWS] = True


def _end_commit(session: Session) -> None:
    rows = session.info.pop(_ROWS, False)  # tidying up keeps nothing of what was sent
    if has_request_context():
        g.committing.discard(id(session))
        g.was_kept = rows or g.get("was_kept", False)


event.listen(Session, "after_flush", _note_rows)
event.listen(Session, "before_commit", _begin_commit)
event.listen(Session, "after_commit", _end_commit)


def after_response(action: Callable[[Session], object]) -> None:
    """Act once the request has succeeded, in a separate transaction: a page that reads takes no lock.

    Where the database takes nothing just now, the answer is given, and the action follows as soon as it can.
    """
    g.setdefault("after_response", []).append(action)


def _end(session: Session) -> None:
    if _reads():
        session.rollback()
    else:
        session.commit()
        g.was_kept = True
