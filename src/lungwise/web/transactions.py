"""One session for each request: committed before the answer leaves, rolled back where it failed."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, g, request
from sqlalchemy.orm import Session, scoped_session

from lungwise.store import Database
from lungwise.web.desk import Desk

_READS = ("GET", "HEAD", "OPTIONS")


def request_session(database: Database) -> scoped_session[Session]:
    """Make the session that each request finds as its own; it takes the write lock only to write."""

    def session() -> Session:
        return database.session(writes=request.method not in _READS)

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
                with database.writing() as session:
                    _note(desk, lay_desk(session))
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
        deed()


def _note(desk: Desk, writing: Desk) -> None:
    for deed in desk.noted:
        deed(writing)
