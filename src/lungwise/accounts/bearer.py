"""Bearer tokens: the program that sends a request acts for the person who made its token."""

from __future__ import annotations

from flask import g, request

from lungwise.access import RIGHTS, Person, Right
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


def require(*rights: Right) -> None:
    """Refuse the request if its token lacks one of the rights, and say whether the role or the scope is missing."""
    program: Person = g.person
    for right in rights:
        if right not in RIGHTS[program.role]:
            raise Refused(403, title=f"The token's owner is a {program.role.replace('_', ' ')}, who may not do this.")
        if right not in program.within:
            raise Refused(403, title=f"The token does not have the scope `{right}`, which this needs.")


def clinic() -> str:
    """Return the name of the token's clinic."""
    return str(g.clinic)
