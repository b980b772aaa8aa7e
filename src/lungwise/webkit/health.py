"""Two addresses for monitoring: is the process alive, and can it work."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.metrics import WaitingFilms
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore
from lungwise.webkit.request_log import may_read


def init_app(
    app: Flask, settings: Settings, database: Database, store: FilmStore, waiting: Callable[[Session], WaitingFilms]
) -> None:
    """Add `/healthz` and `/readyz`."""

    def healthz() -> Response:
        """Answer that the process is alive."""
        return jsonify(status="alive")

    def readyz() -> Response:
        """Answer whether the database answers and films can be stored; with the queue for those who may see figures."""
        queue = _queue(database, waiting)
        parts = {"database": queue is not None, "films": store.writable()}
        figures = {"queue": queue} if may_read(settings) else {}
        response = jsonify(status="ready" if all(parts.values()) else "not ready", **parts, **figures)
        response.status_code = 200 if all(parts.values()) else 503
        return response

    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)


def _queue(database: Database, waiting: Callable[[Session], WaitingFilms]) -> dict[str, float] | None:
    """Count the waiting films; None if the database does not answer. A long queue does not make it unready."""
    try:
        with database.reading() as session:
            queue = waiting(session)
    except SQLAlchemyError:
        return None
    return {"films": queue.films, "oldest_seconds": round(queue.oldest_seconds)}
