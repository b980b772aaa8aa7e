"""Why a request was rejected without an error status: a form that is shown again, a redirect to the sign-in page.

The request's line in the log names it (OWASP ASVS 7.1.3, 7.2.2), by fields and reasons, never by what was typed.
"""

from __future__ import annotations

from flask import g

NOT_SIGNED_IN = "not signed in"
SESSION_OVER = "the session is over"
NOT_FRESH = "the password is asked for once more"
NO_SECOND_FACTOR = "a second factor must be set up first"
WEAK = "the password must be changed first"
BAD_LINK = "the link is not valid"
NOT_VOUCHED_FOR = "the identity provider does not vouch for this"
RULE = "a rule"


def note(reason: str) -> None:
    """Keep a reason why the present request is rejected."""
    g.setdefault("rejections", []).append(reason)


def noted() -> list[str]:
    """Return the reasons that were noted for the present request."""
    return list(dict.fromkeys(g.get("rejections", [])))
