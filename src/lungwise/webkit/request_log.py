"""The log of requests: the id of each, its line, its metrics; and the page of metrics."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Mapping

from flask import Flask, Response, g, make_response, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.orm import Session
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response as AnyResponse

from lungwise import logs, metrics
from lungwise.errors import NotFound
from lungwise.settings import Settings
from lungwise.store import new_key
from lungwise.webkit import rejections
from lungwise.webkit.bodies import ASKS
from lungwise.webkit.transactions import request_session

HEADER = "X-Request-ID"
_QUIET = ("static", "healthz", "readyz", "metrics")
_log = logging.getLogger("lungwise.access")
_security_log = logging.getLogger("lungwise.security")


def init_app(
    app: Flask,
    settings: Settings,
    waiting: Callable[[Session], metrics.WaitingFilms],
    alarms: Callable[[Session], Mapping[tuple[str, str], int]],
    unsent: Callable[[Session], metrics.UnsentResults],
    failed_messages: Callable[[Session], int],
) -> None:
    """Log every request, and add `/metrics`."""
    log_requests(app)

    def show() -> Response:
        """Show Prometheus the metrics: only from this machine, or with the token that is set."""
        if not may_read(settings):
            raise NotFound
        session = request_session()
        answer = make_response(
            metrics.page(waiting(session), alarms(session), unsent(session), failed_messages(session))
        )
        answer.content_type = CONTENT_TYPE_LATEST
        return answer

    app.add_url_rule("/metrics", "metrics", show)


def log_requests(app: Flask) -> None:
    """Log every request of an application, or of one that is mounted in it."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def _begin() -> None:
    g.began = time.perf_counter()
    logs.request_id.set(logs.accepted(request.headers.get(HEADER)) or new_key())


def _end(response: AnyResponse) -> AnyResponse:
    response.headers[HEADER] = logs.request_id.get()
    is_query = ASKS in request.environ and response.status_code == 204  # the request itself is still to come
    if request.endpoint not in _QUIET and not is_query:
        _log_request(response.status_code)
    reason = ", ".join(rejections.noted())
    if reason or 400 <= response.status_code < 500:
        _log_refusal(response.status_code, reason or HTTP_STATUS_CODES.get(response.status_code, ""))
    return response


def _log_request(status: int) -> None:
    """Log the route's pattern rather than its path: a log holds no keys and no searches."""
    seconds, route = time.perf_counter() - g.began, _route()
    metrics.REQUESTS.labels(request.method, route, status).inc()
    metrics.REQUEST_SECONDS.labels(route).observe(seconds)
    fields = {"method": request.method, "route": route, "status": status, "milliseconds": round(seconds * 1000)}
    program = {"account": _account()} if "token_id" in g else {}  # what a person does is in the audit trail
    line = "%(method)s %(route)s %(status)d %(milliseconds)d ms"
    _log.info(line, fields, extra=fields | program)


def _route() -> str:
    return request.script_root + request.url_rule.rule if request.url_rule else "-"


def _log_refusal(status: int, reason: str) -> None:
    """Log who was refused, why and from where, for whoever looks into an attack (OWASP ASVS 7.1.3, 7.2.2)."""
    fields = {"method": request.method, "route": _route(), "status": status, "reason": reason}
    who = fields | {"account": _account(), "address": request.remote_addr or ""}
    line = "refused %(method)s %(route)s %(status)d (%(reason)s), %(account)s from %(address)s"
    _security_log.warning(line, who, extra=who)


def _account() -> str:
    """Name who asks by keys, never by name; nobody where it was not asked yet."""
    if "token_id" in g:
        return f"token {g.token_id}"
    account = g.get("_login_user")  # as Flask-Login keeps it; to ask anew might need the database
    return f"account {account.key}" if account is not None and account.is_authenticated else "nobody signed in"


def _forget(_error: BaseException | None) -> None:
    logs.request_id.set("")


def may_read(settings: Settings) -> bool:
    """Return whether the request may see figures: it comes from this machine, or has the token that is set."""
    token = settings.metrics_token.get_secret_value()
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    # A proxy on this machine passes strangers on from its own address; it says so in a header.
    return request.remote_addr in ("127.0.0.1", "::1") and not request.headers.get("X-Forwarded-For")
