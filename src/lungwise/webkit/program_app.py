"""What the applications for programs have in common: no cookies, no forms, and problems for errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask_babel import Babel
from sqlalchemy.orm import Session, scoped_session

from lungwise.settings import Settings
from lungwise.store import Database
from lungwise.webkit import bodies, compression, csp, problems, request_log, transactions


def program_app(
    name: str, settings: Settings, database: Database, sessions: scoped_session[Session], language: Callable[[], str]
) -> transactions.Application:
    """Make an application to be mounted beside the pages.

    Parameters
    ----------
    language
        Returns the language of a response.
    """
    app = transactions.Application(name, root_path=str(Path(csp.__file__).parents[1]), static_folder=None)
    app.config.update(**bodies.config(settings.study_films), BABEL_DEFAULT_LOCALE="en")
    Babel(app, locale_selector=language)
    request_log.log_requests(app)
    transactions.init_app(app, database, sessions)
    compression.init_app(app)
    csp.init_app(app, https=settings.https)
    csp.answer_with_attachments(app)
    problems.init_api(app)
    return app
