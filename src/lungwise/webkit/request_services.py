"""What a request has on its desk: the person, and the services over its own session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from flask import g
from flask_babel import gettext
from flask_security import current_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import Form

from lungwise.access import Person
from lungwise.accounts.outbox import Outbox
from lungwise.accounts.service import Accounts, User
from lungwise.accounts.sessions import Sessions
from lungwise.accounts.throttle import Throttle
from lungwise.accounts.tokens import Tokens
from lungwise.audit.service import AuditTrail
from lungwise.errors import Rejected
from lungwise.jobs.queue import Queue
from lungwise.jobs.reading_worker import ReadingWorker
from lungwise.monitoring.drift import Drift
from lungwise.monitoring.statistics import ClinicStatistics
from lungwise.patients.service import Patients
from lungwise.receiving.photographs import Photographs
from lungwise.receiving.service import Uploads
from lungwise.settings import Settings
from lungwise.studies.service import Studies
from lungwise.studies.settlement import Settlement
from lungwise.studies.worklist import Worklist
from lungwise.webkit import rejections
from lungwise.webkit.idempotency import Idempotency

T = TypeVar("T")


@dataclass(slots=True)
class Desk:
    """The services of one request."""

    settings: Settings
    session: Session
    accounts: Accounts
    throttle: Throttle
    tokens: Tokens
    sessions: Sessions
    idempotency: Idempotency
    patients: Patients
    studies: Studies
    settlement: Settlement
    photographs: Photographs
    uploads: Uploads
    queue: Queue
    worklist: Worklist
    statistics: ClinicStatistics
    drift: Drift
    audit: AuditTrail
    room: ReadingWorker
    outbox: Outbox
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    noted: list[Callable[[Desk], None]] = field(default_factory=list)

    def upload(self) -> Uploads:
        """Give what saves films in transactions of its own. The request's own ends here, and it is not begun anew."""
        self.session.commit()
        g.is_done_once = True
        return self.uploads

    def note(self, deed: str, subject: str, key: str) -> None:
        """Put into the audit trail, in a transaction of its own, what a page that only reads did."""
        who = person()
        self.noted.append(lambda desk: desk.audit.record(who, deed, subject, key))


def desk() -> Desk:
    """Give the present request's desk."""
    return cast(Desk, g.desk)


def user() -> User:
    """Give the account that is signed in."""
    return cast(User, current_user)


def person() -> Person:
    """Give the person who is signed in, or as whom a token's program acts."""
    return cast("Person | None", g.get("person")) or user().person


def only_valid(form: Form) -> None:
    """Go on only with a form whose fields all make sense; for answers that have no place to say what does not.

    Raises
    ------
    Rejected
        With the first field's error.
    """
    if not form.validate():
        raise Rejected(next(f"{field.label.text}: {field.errors[0]}" for field in form if field.errors))


def attempt(form: FlaskForm, deed: Callable[[], T]) -> T | None:
    """Do what a form asks; where a rule rejects it, undo it all and let the form say why."""
    try:
        return deed()
    except Rejected as no:
        desk().session.rollback()
        rejections.note(rejections.RULE)
        form.form_errors.append(no.said(gettext))
        return None
