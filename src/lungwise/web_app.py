"""The application factory: it wires the nouns' services to their pages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, abort, redirect, request, url_for
from flask_babel import Babel
from flask_wtf import CSRFProtect
from sqlalchemy.orm import Session
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from lungwise.accounts import views as accounts_views
from lungwise.accounts.outbox import Outbox
from lungwise.accounts.security import init_security
from lungwise.accounts.service import Accounts
from lungwise.accounts.sessions import Sessions
from lungwise.accounts.throttle import Throttle
from lungwise.accounts.tokens import Tokens
from lungwise.api.app import PREFIX, create_api
from lungwise.audit import views as audit_views
from lungwise.audit.service import AuditTrail
from lungwise.dicomweb import app as dicomweb
from lungwise.inputs import network_address
from lungwise.jobs.queue import Queue
from lungwise.jobs.reading_worker import FilmReader, ReadingWorker, open_worker
from lungwise.monitoring.drift import Drift, read_reference
from lungwise.monitoring.statistics import ClinicStatistics
from lungwise.patients import views as patients_views
from lungwise.patients.service import IdentityRules, Patients
from lungwise.reading.artefact import shipped_card
from lungwise.reading.prevalence import PredictiveValue
from lungwise.receiving import held_views, photograph_views
from lungwise.receiving.other_files import ON_EVERY_DISC
from lungwise.receiving.photographs import Photographs
from lungwise.receiving.service import Uploads
from lungwise.receiving.uploads import Limits
from lungwise.reports import views as reports_views
from lungwise.settings import Settings
from lungwise.store import Clock, Database, FilmStore, utc_now
from lungwise.studies import views as studies_views
from lungwise.studies.service import Studies
from lungwise.studies.settlement import Settlement
from lungwise.studies.worklist import Worklist
from lungwise.webkit import (
    bodies,
    csp,
    fields,
    health,
    i18n,
    problems,
    rejections,
    request_log,
    submit_once,
    transactions,
)
from lungwise.webkit.client_address import ProxyEntries
from lungwise.webkit.hosts import Hosts
from lungwise.webkit.idempotency import Idempotency
from lungwise.webkit.request_services import Desk, desk, user

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_PUBLIC = frozenset(
    {
        "static",
        "healthz",
        "readyz",
        "metrics",
        "accounts.home",
        "accounts.welcome",
        "accounts.register",
        "accounts.invitation",
        "security.login",
        "security.forgot_password",
        "security.reset_password",
        "security.two_factor_token_validation",
        "security.two_factor_select",
        "security.mf_recovery",
    }
)
"""What can be reached without signing in. Everything else cannot."""


class Lungwise(transactions.Application):
    """The Flask application, with the parts that live as long as it does."""

    database: Database
    room: ReadingWorker
    api: transactions.Application
    dicomweb: transactions.Application


def create_app(
    settings: Settings,
    make_reader: Callable[[], FilmReader],
    clock: Clock = utc_now,
) -> Lungwise:
    """Make the application. Its reading room stands still until `app.room.start()`."""
    app = Lungwise("lungwise.web", root_path=str(Path(__file__).parent))
    _configure(app, settings)
    database, store = Database(settings), FilmStore(settings)
    app.database = database
    app.room = open_worker(settings, database, store, clock, make_reader, settings.own_readers)
    session = transactions.request_session(database)
    request_log.init_app(app, settings)
    lay_desk = _desk_maker(settings, clock, database, store, app.room)
    transactions.init_app(app, database, session, lay_desk)
    csp.init_app(app, https=settings.https)
    problems.init_app(app)
    init_security(app, settings, session)
    Babel(app, locale_selector=i18n.of_request, timezone_selector=lambda: "UTC")
    i18n.init_app(app)
    app.before_request(_only_signed_in)
    bodies.init_app(app, settings.upload_megabytes << 20)
    CSRFProtect(app)  # reads the form: after all that says who may send one
    fields.init_app(app)
    health.init_app(app, settings, database, store)
    films = (studies_views, photograph_views, held_views)
    for views in (accounts_views, audit_views, patients_views, *films, reports_views):
        app.register_blueprint(views.bp)
    app.api = create_api(settings, clock, database, session, lay_desk)
    app.dicomweb = dicomweb.create_dicomweb(settings, clock, database, store, session, lay_desk)
    mounted: dict[str, WSGIApplication] = {PREFIX: app.api, dicomweb.PREFIX: app.dicomweb}
    app.wsgi_app = Hosts(DispatcherMiddleware(app.wsgi_app, mounted), settings.public_url)  # type: ignore[method-assign]
    if settings.proxies:
        count = settings.proxies
        fixed = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)
        app.wsgi_app = ProxyEntries(fixed, count)  # type: ignore[method-assign]
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.signing_key(),
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
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.globals.update(
        lungwise_settings=settings,
        beside_films=" ".join(sorted(ON_EVERY_DISC)),
        form_key=submit_once.form_key,
        static=_static_with_hash(Path(str(app.static_folder))),
        worth=PredictiveValue(shipped_card(), settings.prevalence),
    )


def _static_with_hash(folder: Path) -> Callable[[str], str]:
    """Make addresses that change with the file, so that browsers may keep it for ever."""
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in folder.iterdir()}
    return lambda name: url_for("static", filename=name, v=hashes[name])


def _desk_maker(
    settings: Settings, clock: Clock, database: Database, store: FilmStore, room: ReadingWorker
) -> Callable[[Session], Desk]:
    limits = Limits(
        settings.study_films,
        settings.film_megabytes << 20,
        settings.upload_megabytes << 20,
        keeps_objects=settings.other_objects == "keep",
    )
    reference = read_reference()
    rules = IdentityRules.of(settings.own_issuers_list, settings.nobody_list)
    uploads = Uploads(database, store, limits, lambda session: lay(session).studies, room.wake)

    def trail(session: Session, address: str) -> AuditTrail:
        return AuditTrail(session, clock, address)

    def lay(session: Session) -> Desk:
        address = network_address(request.remote_addr)
        audit = trail(session, address)
        patients = Patients(session, clock, audit, rules)
        studies = Studies(session, clock, store, limits, patients, audit)
        return Desk(
            settings=settings,
            session=session,
            accounts=Accounts(session, clock, settings, audit),
            throttle=Throttle(database, session, clock, settings, trail, address),
            tokens=Tokens(session, clock, audit),
            sessions=Sessions(session, clock, settings, audit),
            idempotency=Idempotency(session, clock),
            patients=patients,
            studies=studies,
            photographs=Photographs(session, studies, audit),
            settlement=Settlement(session, patients),
            uploads=uploads,
            queue=Queue(session, clock, audit),
            worklist=Worklist(session, patients),
            statistics=ClinicStatistics(session, clock),
            drift=Drift(session, clock, reference),
            audit=audit,
            room=room,
            outbox=Outbox(session, clock, enabled=bool(settings.smtp_host)),
        )

    return lay


def _only_signed_in() -> AnyResponse | None:
    if request.endpoint in _PUBLIC:
        return None
    if _is_new():
        return redirect(url_for("accounts.welcome"))
    if user().is_authenticated:
        return None
    if problems.wants_json():
        abort(401)
    rejections.note(rejections.NOT_SIGNED_IN)
    return redirect(url_for("security.login"))


def _is_new() -> bool:
    return not user().is_authenticated and desk().accounts.is_empty()
