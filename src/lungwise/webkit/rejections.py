"""What was refused without a status that says so: a form that is shown again, a way that leads to signing in.

The log's line on the request names it (OWASP ASVS 7.1.3, 7.2.2), by fields and reasons and never by what was typed.
"""

from __future__ import annotations

from typing import Any

from flask import g
from flask_wtf import FlaskForm

NOT_SIGNED_IN = "not signed in"
SESSION_OVER = "the session is over"
NOT_FRESH = "the password is asked for once more"
NO_SECOND_FACTOR = "a second factor must be set up first"
WEAK = "the password must be changed first"
BAD_LINK = "the link is not valid"
RULE = "a rule"


def note(reason: str) -> None:
    """Keep a reason why the present request is refused."""
    g.setdefault("refusals", []).append(reason)


def noted() -> list[str]:
    """Give the reasons that were noted of the present request."""
    return list(dict.fromkeys(g.get("refusals", [])))


class NotesRefusal:
    """A form that notes which of its fields were refused; a missing token against forgery has a status of its own."""

    def validate(self, *args: Any, **kwargs: Any) -> bool:  # noqa: ANN401 - as the form it stands before takes them
        """Check the form."""
        valid = bool(super().validate(*args, **kwargs))  # type: ignore[misc]
        wrong = [field.name for field in self if field.errors and field.name != "csrf_token"]  # type: ignore[attr-defined]
        if wrong:
            note(f"fields: {', '.join(wrong)}")
        elif self.form_errors:  # type: ignore[attr-defined]
            note(RULE)
        return valid


class PageForm(NotesRefusal, FlaskForm):  # type: ignore[misc]
    """What the forms of our own pages begin with."""
