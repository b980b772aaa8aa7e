"""The page on which a table of test results is uploaded: shown first, kept afterwards."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Protocol

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from werkzeug.wrappers import Response
from wtforms import FileField, HiddenField, SubmitField

from lungwise.access import Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.errors import Rejected
from lungwise.studies.result_export import ResultExport
from lungwise.studies.result_import import FoundRow, ResultImport
from lungwise.studies.result_table import LARGEST
from lungwise.webkit import downloads
from lungwise.webkit.current_person import person
from lungwise.webkit.forms import PageForm, attempt
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("result_table", __name__)


class ResultServices(Protocol):
    """What this page uses in a request."""

    result_export: ResultExport

    @property
    def result_import(self) -> ResultImport:
        """Takes tables of test results."""


services = RequestServices[ResultServices]("result_table")


class TableForm(PageForm):
    """A table, as a file at first, and then as it was shown."""

    table = FileField(_("Table"), render_kw={"accept": ".csv,.txt,.tsv,text/csv"})
    packed = HiddenField()
    show = SubmitField(_("Show the rows"))
    keep = SubmitField(_("Keep all results"))
    keep_good = SubmitField(_("Keep only the rows without an error"))

    def data_sent(self) -> bytes:
        """Return the table that was sent.

        Raises
        ------
        Rejected
            If there is none.
        """
        file = request.files.get("table")
        sent = unpacked(self.packed.data) if self.packed.data else file.read() if file else b""
        if not sent.strip():
            raise Rejected("Choose a file with a table of results.")
        return sent


@bp.route("/results", methods=["GET", "POST"])
def upload() -> str | Response:
    """Show the rows of a table, each with its study or what is wrong with it, and keep them when the person says so."""
    person().need(Right.CONCLUDE)
    form = TableForm()
    if not form.validate_on_submit():
        return _page(form)
    data = attempt(form, form.data_sent)
    if data is None:
        return _page(form)
    if form.show.data or not (form.keep.data or form.keep_good.data):
        return _preview(form, data)
    only_good = bool(form.keep_good.data)
    count = attempt(form, lambda: services().result_import.keep(person(), data, only_good=only_good))
    if count is None:
        return _preview(form, data)
    flash(ngettext("%(num)s result is kept.", "%(num)s results are kept.", count))
    return redirect(url_for("result_table.upload"))


@bp.get("/results.csv")
def table() -> Response:
    """Return all test results of the clinic as a table, which can be uploaded again."""
    text = services().result_export.table(person())
    audit_after_response(Action.EXPORTED, Subject.CLINIC, str(person().clinic_id))
    return downloads.table(text, "test-results.csv")


def _preview(form: TableForm, data: bytes) -> str:
    found = attempt(form, lambda: services().result_import.preview(person(), data))
    return _page(form, found, packed(data)) if found is not None else _page(form)


def _page(form: TableForm, found: list[FoundRow] | None = None, sent: str = "") -> str:
    errors = {one.row.line: one.rejected.translated(gettext) for one in found or () if one.rejected}
    return render_template("studies/results.html", form=form, found=found, packed=sent, errors=errors)


def packed(data: bytes) -> str:
    """Write a table as a form's field that goes there and back."""
    return base64.urlsafe_b64encode(zlib.compress(data)).decode()


def unpacked(text: str) -> bytes:
    """Return the table of a field.

    Raises
    ------
    Rejected
        If it is none of ours.
    """
    try:
        data = zlib.decompressobj().decompress(base64.urlsafe_b64decode(text), LARGEST + 1)
    except (binascii.Error, ValueError, zlib.error):
        data = b""
    if not data:
        raise Rejected("Choose a file with a table of results.")
    return data
