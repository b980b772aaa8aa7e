"""The application factory: pages, API and DICOMweb, each with the services that it uses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sized
from contextlib import suppress
from datetime import tzinfo
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from flask import Flask, abort, redirect, request, url_for
from flask_babel import Babel, get_timezone, gettext
from flask_wtf import CSRFProtect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, scoped_session
from werkzeug.local import LocalProxy
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from lungwise.accounts import help_views
from lungwise.accounts import views as accounts_views
from lungwise.accounts.labels import ROLES, SCOPES
from lungwise.accounts.oidc import views as oidc_views
from lungwise.accounts.request_services import services as account_services
from lungwise.accounts.request_services import user
from lungwise.accounts.security import init_security
from lungwise.api import services as api_services
from lungwise.api.app import PREFIX, create_api
from lungwise.audit import views as audit_views
from lungwise.audit.after_response import trail
from lungwise.audit.closed_clinics import CLOSED
from lungwise.audit.labels import ACTIONS, SUBJECTS
from lungwise.clinics import views as clinics_views
from lungwise.dicomweb import app as dicomweb
from lungwise.films.dicom.text import without_carets
from lungwise.hl7 import views as hl7_views
from lungwise.hl7.inbox import count_failed
from lungwise.inputs import network_address
from lungwise.jobs import views as jobs_views
from lungwise.jobs.queue import waiting_films
from lungwise.jobs.reading_worker import FilmReader, ReadingWorker
from lungwise.jobs.unsent import unsent_results
from lungwise.monitoring import aggregate_views, alarm_words, local_views, shadow_views, threshold_views
from lungwise.monitoring import views as monitoring_views
from lungwise.monitoring.alarms import count_open
from lungwise.orders import labels as order_labels
from lungwise.orders import views as orders_views
from lungwise.patients import views as patients_views
from lungwise.patients.labels import SEXES
from lungwise.patients.service import Patient
from lungwise.receiving import held_views, photograph_views
from lungwise.receiving import views as receiving_views
from lungwise.receiving.other_files import ON_EVERY_DISC
from lungwise.reports import views as reports_views
from lungwise.results import views as results_views
from lungwise.settings import Settings
from lungwise.store import Clock, Database, FilmStore, utc_now
from lungwise.store.secret_key import signing_key
from lungwise.studies import film_views, prior_views, retention_views
from lungwise.studies import labels as study_labels
from lungwise.studies import result_views as result_table_views
from lungwise.studies import views as studies_views
from lungwise.studies.answers import StudyAnswer
from lungwise.studies.headlines import Headline, Headlines
from lungwise.studies.numbers import decimals_apart, percent, share
from lungwise.studies.service import FilmRecord, Study
from lungwise.studies.stored_answers import film_headline, study_answer
from lungwise.studies.uncertainty_range import right_share, thresholds_of
from lungwise.studies.wording import (
    change_sentence,
    extent_sentence,
    own_thresholds_sentence,
    predictive_value,
    probability_beside,
    uncertain_between,
)
from lungwise.time_zones import zone_of
from lungwise.webkit import (
    bodies,
    compression,
    csp,
    fields,
    health,
    i18n,
    idempotency,
    problems,
    rejections,
    request_log,
    submit_once,
    transactions,
)
from lungwise.webkit.client_address import ProxyEntries
from lungwise.webkit.current_person import person
from lungwise.webkit.hosts import Hosts
from lungwise.wiring import WebServices, WebWiring

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_PUBLIC = frozenset(
    {
        "static",
        "healthz",
        "readyz",
        "metrics",
        "accounts.home",
        "accounts.language",
        "accounts.welcome",
        "accounts.register",
        "accounts.invitation",
        "oidc.begin",
        "oidc.callback",
        "oidc.signed_out",
        "oidc.signed_out_there",
        "security.login",
        "security.forgot_password",
        "security.reset_password",
        "security.two_factor_token_validation",
        "security.two_factor_select",
        "security.mf_recovery",
    }
)
"""What can be reached without signing in; nothing else can."""
_PAGES = (
    accounts_views,
    oidc_views,
    clinics_views,
    help_views,
    audit_views,
    patients_views,
    orders_views,
    studies_views,
    film_views,
    receiving_views,
    photograph_views,
    held_views,
    hl7_views,
    jobs_views,
    monitoring_views,
    local_views,
    aggregate_views,
    shadow_views,
    threshold_views,
    result_table_views,
    prior_views,
    retention_views,
    reports_views,
    results_views,
)
_LABELS = SimpleNamespace(
    **{**vars(order_labels), **vars(study_labels)},
    ROLES=ROLES,
    SCOPES=SCOPES,
    SEXES=SEXES,
    ACTIONS=ACTIONS,
    SUBJECTS=SUBJECTS,
)
"""What things are called in the templates."""


class Lungwise(transactions.Application):
    """The Flask application, with the parts that live as long as it does."""

    database: Database
    worker: ReadingWorker
    api: transactions.Application
    dicomweb: transactions.Application


def create_app(settings: Settings, make_reader: Callable[[], FilmReader], clock: Clock = utc_now) -> Lungwise:
    """Make the application. Its worker reads nothing until `app.worker.start()`."""
    app = Lungwise("lungwise", root_path=str(Path(__file__).parent))
    app.database, store = Database(settings), FilmStore(settings)
    app.worker = ReadingWorker(settings, app.database, store, clock, make_reader, settings.own_readers)
    sessions = transactions.session_per_request(app.database)
    _configure(app, settings)
    _init_pages(app, settings, store, sessions)
    app.api = create_api(settings, clock, app.database, sessions)
    app.dicomweb = dicomweb.create_dicomweb(settings, clock, app.database, sessions)
    wiring = WebWiring(settings, store, clock, app.database, app.worker)
    for part in (app, app.api, app.dicomweb):
        _provide(part, wiring)
    _mount(app, settings)
    return app


def _init_pages(app: Lungwise, settings: Settings, store: FilmStore, sessions: scoped_session[Session]) -> None:
    """Set up what stands before and after every page, in the order in which a request meets it, and the pages."""
    request_log.init_app(
        app, settings, waiting_films, count_open, lambda session: unsent_results(session, utc_now()), count_failed
    )
    transactions.init_app(app, app.database, sessions)
    compression.init_app(app)
    csp.init_app(app, https=settings.https)
    problems.init_pages(app)
    init_security(app, settings, sessions)
    Babel(app, locale_selector=i18n.of_request, timezone_selector=partial(_time_zone, settings))
    i18n.init_app(app)
    app.before_request(_only_signed_in)
    bodies.init_app(app, settings.upload_megabytes << 20)
    forms = CSRFProtect(app)  # reads the form: after all that says who may send one
    forms.exempt(oidc_views.signed_out_there)  # the provider's own request: its token is signed
    fields.init_app(app)
    health.init_app(app, settings, app.database, store, waiting_films)
    for views in _PAGES:
        app.register_blueprint(views.bp)


def _mount(app: Lungwise, settings: Settings) -> None:
    """Put the API and DICOMweb beside the pages, behind the proxies."""
    mounted: dict[str, WSGIApplication] = {PREFIX: app.api, dicomweb.PREFIX: app.dicomweb}
    wsgi_app: WSGIApplication = Hosts(DispatcherMiddleware(app.wsgi_app, mounted), settings.public_url)
    if count := settings.proxies:
        wsgi_app = ProxyEntries(ProxyFix(wsgi_app, x_for=count, x_proto=count, x_host=count), count)
    app.wsgi_app = wsgi_app  # type: ignore[method-assign, assignment]


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=signing_key(settings),
        **bodies.config(settings.study_films),
        SESSION_COOKIE_NAME="__Host-lungwise" if settings.https else "lungwise",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=settings.session_idle_minutes * 60,
        WTF_CSRF_TIME_LIMIT=settings.session_hours * 3600,
        WTF_CSRF_SSL_STRICT=False,  # pages send no referrer; SameSite and the token guard the forms
        BABEL_TRANSLATION_DIRECTORIES="translations",
        BABEL_DEFAULT_LOCALE=settings.language,
    )
    worth = LocalProxy(lambda: studies_views.services().worth)
    headlines = cast(Headlines, LocalProxy(lambda: studies_views.services().headlines))
    app.jinja_options = {**app.jinja_options, "trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.filters |= {"percent": percent, "share": share, "name": without_carets}
    app.jinja_env.globals.update(
        lungwise_settings=settings,
        labels=_LABELS,
        thresholds_of=thresholds_of,
        beside_films=" ".join(sorted(ON_EVERY_DISC)),
        form_key=submit_once.form_key,
        page_address=_page_address,
        static=_static_with_hash(Path(str(app.static_folder))),
        worth=worth,
        predictive_value=partial(predictive_value, gettext),
        probability_beside=probability_beside,
        decimals_apart=decimals_apart,
        uncertain_between=partial(uncertain_between, gettext),
        extent_sentence=partial(extent_sentence, gettext),
        change_sentence=partial(change_sentence, gettext),
        own_thresholds_sentence=partial(own_thresholds_sentence, gettext),
        right_share=right_share,
        asks_for_test=_asks_for_test,
        waiting_thresholds=lambda: threshold_views.services().thresholds.waits_for(person()),
        headlines=headlines,
        takes_password=lambda: account_services().accounts.takes_password(user()),
        takes_registrations=lambda: bool(account_services().clinics.taking_registrations()),
        clock_contradiction=lambda: studies_views.services().clock_check.contradiction(),
        waiting_accounts=_waiting_accounts,
        closed_clinic=_closed_clinic,
        failed_messages=lambda: hl7_views.services().inbox.count(person()),
        late_results=lambda: jobs_views.services().unsent.count_late(person()),
        open_alarms=lambda: monitoring_views.services().alarms.open(person()),
        alarm_sentence=partial(alarm_words.sentence, words=gettext),
        alarm_numbers=partial(alarm_words.numbers, words=gettext),
        naming_others=lambda studies: studies_views.services().studies.naming_others(studies),
        study_answer=_study_answer,
        film_headline=_film_headline,
    )


def _study_answer(study: Study, patient: Patient, doubted: Collection[int]) -> StudyAnswer:
    """Return what a study says, ages counted by the clinic's days; `doubted` are those that `naming_others` found."""
    return study_answer(study, patient, get_timezone(), is_doubted=study.id in doubted)


def _film_headline(film: FilmRecord, patient: Patient, doubted: Collection[int]) -> Headline:
    """Write the headline of one film of a patient's in the same way."""
    headlines = studies_views.services().headlines
    return film_headline(headlines, film, patient, get_timezone(), is_doubted=film.study_id in doubted)


def _asks_for_test(study: Study, answer: StudyAnswer, results: Sized) -> bool:
    """Return whether a study was drawn for a check and has no result yet."""
    return studies_views.services().sampling.asks(study, answer, has_result=len(results) > 0)


def _page_address() -> str:
    """Return the address at which the present page can be loaded; that of a form may take the form alone."""
    rule = request.url_rule
    takes_form_alone = rule is not None and "GET" not in (rule.methods or ())
    return (request.path.rpartition("/")[0] if takes_form_alone else "") or request.path


def _static_with_hash(folder: Path) -> Callable[[str], str]:
    """Make addresses that change with the file, so that browsers may keep it forever."""
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in folder.iterdir()}
    return lambda name: url_for("static", filename=name, v=hashes[name])


def _provide(app: Flask, wiring: WebWiring) -> None:
    """Let an application's blueprints have their services."""

    def over(session: Session) -> WebServices:
        return wiring.over(session, network_address(request.remote_addr))

    trail.provide(app, lambda session: over(session).audit)
    idempotency.services.provide(app, lambda session: over(session).idempotency)
    jobs_views.services.provide(app, over)
    hl7_views.services.provide(app, over)
    account_services.provide(app, over)
    audit_views.services.provide(app, over)
    patients_views.services.provide(app, over)
    orders_views.services.provide(app, over)
    studies_views.services.provide(app, over)
    film_views.services.provide(app, over)
    receiving_views.services.provide(app, over)
    clinics_views.services.provide(app, over)
    monitoring_views.services.provide(app, over)
    local_views.services.provide(app, over)
    aggregate_views.services.provide(app, over)
    shadow_views.services.provide(app, over)
    threshold_views.services.provide(app, over)
    result_table_views.services.provide(app, over)
    prior_views.services.provide(app, over)
    retention_views.services.provide(app, over)
    reports_views.services.provide(app, over)
    api_services.services.provide(app, over)
    dicomweb.services.provide(app, over)


def _waiting_accounts() -> int:
    """Count the people who wait for an account; a page that reports that the database fails must not need it."""
    with suppress(SQLAlchemyError):
        return account_services().waiting_accounts if transactions.has_session() else 0
    return 0


def _closed_clinic() -> str:
    """Return the sentence of a clinic that is closed for a move; empty of any other, and where the database fails."""
    with suppress(SQLAlchemyError):
        if transactions.has_session() and account_services().audit.is_closed(person()):
            return str(gettext(CLOSED))
    return ""


def _time_zone(settings: Settings) -> tzinfo:
    """Return the time zone of a page: the clinic's, where somebody is known and the database answers."""
    with suppress(SQLAlchemyError):
        if transactions.has_session():
            return account_services().clinic_settings.zone
    return zone_of(settings.time_zone)


def _only_signed_in() -> AnyResponse | None:
    if request.endpoint in _PUBLIC or user().is_authenticated:
        return None
    if account_services().accounts.is_empty():
        return redirect(url_for("accounts.welcome"))
    if problems.wants_json():
        abort(401)
    rejections.note(rejections.NOT_SIGNED_IN)
    return redirect(url_for("security.login"))
