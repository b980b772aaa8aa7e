"""The language of a page, and what templates need of it."""

from __future__ import annotations

from datetime import date, datetime

from flask import Flask, current_app, request
from flask_babel import format_date, format_datetime, get_locale, gettext
from flask_security import current_user
from sqlalchemy.exc import SQLAlchemyError

from lungwise.films import Refusal
from lungwise.films.refusals import refusal_sentence, warning_sentence
from lungwise.languages import LANGUAGES


def of_request() -> str:
    """Choose the account's language, else the browser's, else the installation's."""
    browsers = request.accept_languages.best_match(list(LANGUAGES))
    return _of_account() or browsers or str(current_app.config["BABEL_DEFAULT_LOCALE"])


def _of_account() -> str:
    try:
        known = current_user and current_user.is_authenticated and current_user.language in LANGUAGES
    except SQLAlchemyError:  # the page that reports it must not need the account
        return ""
    return str(current_user.language) if known else ""


def init_app(app: Flask) -> None:
    """Add the filters for dates, and the sentences of refusals, to the templates."""
    app.jinja_env.filters.update(day=_day, moment=_moment)
    app.jinja_env.globals.update(languages=LANGUAGES, page_language=lambda: str(get_locale()))
    app.jinja_env.globals.update(refused=_refused, warned=_warned)


def _refused(refusal: Refusal) -> str:
    return refusal_sentence(refusal, gettext)


def _warned(code: str) -> str:
    return warning_sentence(code, gettext)


def _day(value: date | None) -> str:
    return format_date(value, "d MMM y") if value else ""


def _moment(value: datetime | None) -> str:
    return format_datetime(value, "d MMM y, HH:mm") if value else ""
