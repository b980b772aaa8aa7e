"""Two addresses for those who watch the service: is it alive, and can it work."""

from __future__ import annotations

from flask import Flask, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from lungwise.store import Database, FilmStore


def init_app(app: Flask, database: Database, store: FilmStore) -> None:
    """Add `/healthz` and `/readyz`."""

    def healthz() -> Response:
        """Say that the process is alive."""
        return jsonify(status="alive")

    def readyz() -> Response:
        """Say whether the database answers and films can be kept."""
        parts = {"database": _answers(database), "films": store.writable()}
        response = jsonify(status="ready" if all(parts.values()) else "not ready", **parts)
        response.status_code = 200 if all(parts.values()) else 503
        return response

    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)


def _answers(database: Database) -> bool:
    try:
        with database.reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
