"""Help inside the product: one page for each role, made of sections that other pages link to."""

from __future__ import annotations

import re

from flask import Blueprint, render_template
from flask_babel import gettext

from lungwise.access import PEOPLE, Role
from lungwise.errors import NotFound
from lungwise.films.refusals import REFUSALS, VALUES, Entry
from lungwise.webkit.current_person import person

bp = Blueprint("help", __name__)
_OF_DOCTORS = (
    *("answer", "uncertain", "heat-map", "conclusion", "upload", "photograph", "refused"),
    *("results", "thresholds"),
)
_SECTIONS = {
    Role.HEALTH_WORKER: ("upload", "photograph", "own_answers", "answer", "uncertain", "heat-map", "refused"),
    Role.DOCTOR: _OF_DOCTORS,
    Role.RADIOLOGIST: _OF_DOCTORS,
    Role.ADMINISTRATOR: ("clinic", *_OF_DOCTORS, "watch", "second-model", "programme"),
}
"""What each role's page says, by the sections' templates. Links lead to a section of one's own page."""


@bp.get("/help")
def own() -> str:
    """Show the help for one's own role."""
    return _page(person().role)


@bp.get("/help/<role>")
def of_role(role: str) -> str:
    """Show the help for a role."""
    if role not in PEOPLE:
        raise NotFound
    return _page(Role(role))


def _page(role: Role) -> str:
    refusals = [
        (_happened(entry), gettext(entry.advice) % VALUES) for code, entry in REFUSALS.items() if _is_seen(code)
    ]
    return render_template("help/page.html", role=role, roles=PEOPLE, sections=_SECTIONS[role], refusals=refusals)


def _is_seen(code: str) -> bool:
    """Return whether people on the pages can meet a refusal: the command line's own are not for them."""
    return "/" not in code and code not in ("unreachable", "server")


def _happened(entry: Entry) -> str:
    """Say what happened, with an ellipsis for each value."""
    sentence = gettext(entry.sentence).replace("%(file)s", gettext(entry.subject))
    return re.sub(r"%\(\w+\)s\.?", "…", sentence)
