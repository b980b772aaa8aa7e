"""The pages of messages that could not be applied: an administrator looks, tries again, or drops them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.hl7.inbox import Inbox
from lungwise.hl7.message import MessageError
from lungwise.hl7.models import ReceivedMessage
from lungwise.hl7.stated_patient import merged_of, patient_of
from lungwise.patients.service import PatientFacts, Patients
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("hl7", __name__, url_prefix="/hl7")


class Hl7Services(Protocol):
    """What the pages of messages use in a request."""

    inbox: Inbox
    patients: Patients


services = RequestServices[Hl7Services]("hl7")


@bp.get("")
def messages() -> str:
    """List the messages that could not be applied, the oldest first, without saying of whom they are."""
    return render_template("hl7/messages.html", waiting=services().inbox.waiting(person()))


@bp.get("/<key>")
def message(key: str) -> str:
    """Show a message, and the patients here who have its numbers."""
    row = services().inbox.get(person(), key)
    audit_after_response(Action.SAW, Subject.MESSAGE, row.key)
    patients = [
        (given_up, facts, services().patients.known_by(person(), facts.identifier))
        for given_up, facts in _patients(row)
    ]
    return render_template("hl7/message.html", message=row, patients=patients, text=row.text.replace("\r", "\n"))


@bp.post("/<key>/again")
def again(key: str) -> Response:
    """Try again to apply a message."""
    services().inbox.again(person(), key)
    flash(gettext("The message is applied."))
    return redirect(url_for("hl7.messages"))


@bp.post("/<key>/drop")
def drop(key: str) -> Response:
    """Drop a message."""
    services().inbox.drop(person(), key)
    flash(gettext("The message is dropped."))
    return redirect(url_for("hl7.messages"))


def _patients(row: ReceivedMessage) -> Iterator[tuple[bool, PatientFacts]]:
    """Walk over the patients whom a message names, and say of each whether the record is given up."""
    shown, rules = services().inbox.message(row), services().patients.rules
    for name, facts_of in (("PID", patient_of), ("MRG", merged_of)):
        try:
            yield name == "MRG", facts_of(shown.first(name), rules).facts
        except MessageError:
            continue
