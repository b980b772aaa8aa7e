"""The pages of the audit trail."""

from __future__ import annotations

import csv
import io

from flask import Blueprint, make_response, render_template, request
from flask_babel import lazy_gettext as _
from werkzeug.wrappers import Response
from wtforms import DateField, Form, SelectChoice, SelectField, StringField
from wtforms.validators import Length, Optional

from lungwise.access import Right
from lungwise.audit.service import PAGE, AuditFilter
from lungwise.inputs import LINE, row_number
from lungwise.reports.tables import harmless
from lungwise.studies.labels import DEEDS
from lungwise.webkit.rejections import NotesRefusal
from lungwise.webkit.request_services import desk, only_valid, person

bp = Blueprint("audit", __name__)
_DEEDS = [SelectChoice(deed, _(said)) for deed, said in DEEDS.items()]


class AuditForm(NotesRefusal, Form):
    """Which entries to show. It changes nothing and names no patient, so it needs no token."""

    person = StringField(_("Person"), [Length(max=LINE)])
    deed = SelectField(_("Deed"), choices=[SelectChoice("", _("All")), *_DEEDS], default="")
    subject_key = StringField(_("Key"), [Length(max=40)])
    since = DateField(_("From"), [Optional()])
    until = DateField(_("To"), [Optional()])

    def wanted(self) -> AuditFilter:
        """Give the fields as a filter; a field that makes no sense filters nothing."""
        self.validate()
        good = {name: field.data for name, field in self._fields.items() if not field.errors}
        return AuditFilter(
            person=(good.get("person") or "").strip(),
            deed=good.get("deed") or "",
            subject_key=(good.get("subject_key") or "").strip(),
            since=good.get("since"),
            until=good.get("until"),
        )


@bp.get("/audit")
def trail() -> str:
    """Show the clinic's audit trail."""
    person().need(Right.ADMINISTER)
    form = AuditForm(request.args)
    before = row_number(request.args.get("before"))
    desk().throttle.report()
    entries = desk().audit.page(person(), form.wanted(), before)
    following = entries[-1].id if len(entries) == PAGE else None
    desk().note("saw", "audit trail", "")
    people = sorted({account.name for account in desk().accounts.colleagues(person())})
    return render_template("audit/trail.html", form=form, entries=entries, following=following, people=people)


@bp.get("/audit.csv")
def export() -> Response:
    """Give the clinic's audit trail as a table."""
    person().need(Right.ADMINISTER)
    form = AuditForm(request.args)
    only_valid(form)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(("entry", "at", "person", "address", "deed", "subject", "key", "times", "hash"))
    desk().throttle.report()
    for entry in desk().audit.export(person(), form.wanted()):
        row = (entry.person_name, entry.address, entry.deed, entry.subject, entry.subject_key)
        times = 1 if entry.times is None else entry.times
        table.writerow((entry.id, entry.at.isoformat(), *map(harmless, row), times, entry.hash))
    desk().note("exported", "audit trail", "")
    answer = make_response(out.getvalue())
    answer.content_type = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return answer
