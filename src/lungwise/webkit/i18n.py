"""The language of a page, and what templates need of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

from flask import Flask, current_app, request
from flask_babel import format_date, format_datetime, format_decimal, get_domain, get_locale, get_timezone, gettext
from flask_security import current_user
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from lungwise.films import Refusal
from lungwise.films.refusals import refusal_sentence, warning_sentence
from lungwise.languages import LANGUAGES
from lungwise.text_direction import turns_neighbours
from lungwise.time_zones import zone_label
from lungwise.webkit.cookies import set_cookie

COOKIE = "language"
"""Holds what was chosen on a page; it outlives the session, since a clinic's phone is signed out most of the time."""
_COOKIE_SECONDS = 366 * 24 * 3600


def of_request() -> str:
    """Take the account's language, what was chosen here, the clinic's, the browser's, or else the installation's."""
    browsers = request.accept_languages.best_match(list(LANGUAGES))
    return _of_account() or chosen() or _of_clinic() or browsers or str(current_app.config["BABEL_DEFAULT_LOCALE"])


def _of_account() -> str:
    try:
        known = current_user and current_user.is_authenticated and current_user.language in LANGUAGES
    except SQLAlchemyError:  # the page that reports it must not need the account
        return ""
    return str(current_user.language) if known else ""


def _of_clinic() -> str:
    """Return the language that the administrator of a person's clinic set, or nothing."""
    try:
        clinic = current_user.clinic if current_user and current_user.is_authenticated else None
    except SQLAlchemyError:
        return ""
    return clinic.language if clinic and clinic.language in LANGUAGES else ""


def chosen() -> str:
    """Return the language that was chosen in this browser, or nothing."""
    language = request.cookies.get(COOKIE, "")
    return language if language in LANGUAGES else ""


def choose(response: Response, language: str) -> None:
    """Keep a language in the browser; none that we speak lets the browser say again."""
    if language not in LANGUAGES:
        response.delete_cookie(COOKIE)
        return
    set_cookie(response, COOKIE, language, _COOKIE_SECONDS)


class FormTranslations:
    """Lets WTForms take its own sentences from our translations: it has none in Hindi. It puts the values in itself."""

    def gettext(self, sentence: str) -> str:
        """Translate a sentence."""
        return str(get_domain().get_translations().ugettext(sentence))

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        """Translate a sentence that counts."""
        return str(get_domain().get_translations().ungettext(singular, plural, n))


def init_app(app: Flask) -> None:
    """Add the filters for dates, numbers and names, and the sentences of refusals, to the templates."""
    app.jinja_env.globals.update(_=_translated, gettext=_translated)
    app.jinja_env.filters.update(day=_day, moment=_moment, zoned=_zoned, second=_second, local_day=_local_day)
    app.jinja_env.filters.update(decimal=decimal, isolated=_isolated)
    app.jinja_env.globals.update(languages=LANGUAGES, page_language=lambda: str(get_locale()))
    app.jinja_env.globals.update(zone_now=lambda: zone_label(datetime.now(UTC), get_timezone()))
    app.jinja_env.globals.update(refused=_refused, warned=_warned)


@pass_eval_context
def _translated(context: EvalContext, sentence: str, /, **values: object) -> str:
    """Translate a sentence of a template, and put the values in.

    As Jinja's own does, without its two ways through the context: a worklist has two hundred sentences.
    """
    translated = get_domain().get_translations().ugettext(sentence)
    return (Markup(translated) if context.autoescape else translated) % values  # noqa: S704 - ours; the values are escaped


def _isolated(text: str) -> str:
    """Keep a name from turning round the numbers beside it; without the marks, which somebody would copy with it."""
    return Markup("<bdi>{}</bdi>").format(text) if turns_neighbours(text) else text


def _refused(refusal: Refusal) -> str:
    return refusal_sentence(refusal, gettext)


def _warned(code: str) -> str:
    return warning_sentence(code, gettext)


def decimal(value: float, places: int) -> str:
    """Write a number with so many decimals, behind the comma or the point of the language."""
    return str(format_decimal(value, f"0.{'0' * places}"))


def _day(value: date | None) -> str:
    day = _local_day(value) if isinstance(value, datetime) else value
    return format_date(day, "d MMM y") if day else ""


def _local_day(value: datetime) -> date:
    """Return the day of a moment where the clinic stands."""
    return value.astimezone(get_timezone()).date()


def _zoned(value: datetime | None) -> str:
    """Write a moment with the name of the time zone."""
    return f"{_moment(value)} {zone_label(value, get_timezone())}" if value else ""


def _second(value: datetime) -> str:
    """Write a moment to the second, with the name of the time zone."""
    return f"{format_datetime(value, 'd MMM y, HH:mm:ss')} {zone_label(value, get_timezone())}"


def _moment(value: datetime | None) -> str:
    return format_datetime(value, "d MMM y, HH:mm") if value else ""
