"""Bearer tokens: the program that sends a request acts for the person who made its token."""

from __future__ import annotations

from flask import g, request

from lungwise.accounts.request_services import services
from lungwise.accounts.tokens import person_of
from lungwise.webkit.problems import Refused


def authenticate() -> None:
    """Let the request act for its token's person, or refuse it."""
    header = request.authorization
    text = header.token if header and header.type == "bearer" else None
    token = services().tokens.check(text) if text else None
    if token is None:
        raise Refused(401, {"WWW-Authenticate": "Bearer"})
    g.token_id, g.person, g.clinic = token.id, person_of(token), token.user.clinic.name
    if services().tokens.is_newly_used(token):
        key = token.key
        services.after_response(lambda later: later.tokens.used(key))


def clinic() -> str:
    """Return the name of the token's clinic."""
    return str(g.clinic)
