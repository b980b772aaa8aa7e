"""The pages of the audit trail."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Protocol

from flask import Blueprint, render_template, request
from flask_babel import get_timezone
from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import DateField, Form, SelectChoice, SelectField, StringField
from wtforms.validators import Length, Optional

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.audit.labels import ACTIONS
from lungwise.audit.service import PAGE, AuditFilter, AuditTrail, TrailAccount
from lungwise.inputs import LINE, harmless_cell, row_number
from lungwise.store import Clock
from lungwise.webkit import downloads
from lungwise.webkit.current_person import person
from lungwise.webkit.forms import LogsRejection, only_valid
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("audit", __name__)


class AuditServices(Protocol):
    """What the pages of the audit trail use in a request."""

    clock: Clock
    audit: AuditTrail

    def report_guesses(self) -> None:
        """Write into the trail what was counted of guesses since it last was."""

    def trail_accounts(self, person: Person) -> list[TrailAccount]:
        """List every account that a person's clinic has or had."""


services = RequestServices[AuditServices]("audit")
_ACTIONS = [SelectChoice(action, _(label)) for action, label in ACTIONS.items()]


class AuditForm(LogsRejection, Form):
    """Which entries to show. It changes nothing and names no patient, so it needs no token."""

    person = StringField(_("Person"), [Length(max=LINE)])
    account = SelectField(_("Account"), default="")
    action = SelectField(_("Action"), choices=[SelectChoice("", _("All")), *_ACTIONS], default="")
    subject_key = StringField(_("Record"), [Length(max=40)])
    since = DateField(_("From"), [Optional()])
    until = DateField(_("To"), [Optional()])

    def offer(self, accounts: Iterable[TrailAccount]) -> None:
        """Offer the accounts to choose from."""
        self.account.choices = [SelectChoice("", _("All")), *(SelectChoice(one.key, one.label) for one in accounts)]

    def filters(self, accounts: Iterable[TrailAccount]) -> AuditFilter:
        """Return the fields as a filter; a field that makes no sense filters nothing."""
        self.validate()
        good = {name: field.data for name, field in self._fields.items() if not field.errors}
        return AuditFilter(
            person=(good.get("person") or "").strip(),
            account=next((one.id for one in accounts if one.key == good.get("account")), None),
            action=good.get("action") or "",
            subject_key=(good.get("subject_key") or "").strip(),
            since=good.get("since"),
            until=good.get("until"),
            zone=get_timezone(),
        )


@bp.get("/audit")
def trail() -> str:
    """Show the clinic's audit trail."""
    person().need(Right.ADMINISTER)
    form, accounts = _form()
    before = row_number(request.args.get("before"))
    services().report_guesses()
    entries = services().audit.page(person(), form.filters(accounts.values()), before)
    following = entries[-1].id if len(entries) == PAGE else None
    audit_after_response(Action.SAW, Subject.AUDIT_TRAIL, "")
    return render_template(
        "audit/trail.html",
        form=form,
        entries=entries,
        following=following,
        people=sorted({one.name for one in accounts.values() if one.name}),
        accounts=accounts,
    )


@bp.get("/audit.csv")
def export() -> Response:
    """Return the clinic's audit trail as a table."""
    person().need(Right.ADMINISTER)
    form, accounts = _form()
    only_valid(form)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(
        ("entry", "at", "person", "account", "email", "address", "action", "subject", "key", "times", "hash")
    )
    services().report_guesses()
    for entry in services().audit.export(person(), form.filters(accounts.values())):
        account = accounts.get(entry.person_id)
        who = (entry.person_name, account.key if account else "", account.email if account else "")
        row = (*who, entry.address, entry.action, entry.subject, entry.subject_key)
        times = 1 if entry.times is None else entry.times
        table.writerow((entry.id, entry.at.isoformat(), *map(harmless_cell, row), times, entry.hash))
    audit_after_response(Action.EXPORTED, Subject.AUDIT_TRAIL, "")
    return downloads.table(out.getvalue(), f"audit-{services().clock().astimezone(get_timezone()):%Y-%m-%d}.csv")


def _form() -> tuple[AuditForm, dict[int | None, TrailAccount]]:
    """Return the filter as it is asked for, and the clinic's accounts by id."""
    form, accounts = AuditForm(_parameters()), services().trail_accounts(person())
    form.offer(accounts)
    return form, {one.id: one for one in accounts}


def _parameters() -> MultiDict[str, str]:
    """Return the address's parameters; links of earlier releases say `deed` for `action`."""
    given = request.args.items(multi=True)
    return MultiDict(("action" if name == "deed" else name, value) for name, value in given)
