"""Test results as a table, by the API: in as the page takes it, and out as it would be taken again."""

from __future__ import annotations

import hashlib

from flask import Response
from flask_babel import gettext

from lungwise.access import Right
from lungwise.accounts.tokens import Scope
from lungwise.api import result_schemas as schemas
from lungwise.api.framework.operations import Operations
from lungwise.api.idempotent_requests import idempotent_request, once
from lungwise.api.services import services
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.studies.result_import import FoundRow
from lungwise.webkit.current_person import person
from lungwise.webkit.problems import problem
from lungwise.webkit.transactions import request_session

results = Operations()


@results.post(
    "/reference-results",
    schemas.ResultTable,
    scope=Scope.CONCLUDE,
    query=schemas.ResultTableQuery,
    takes_table=True,
)
def add_reference_results(query: schemas.ResultTableQuery, table: bytes) -> schemas.ResultTable | Response:
    """Keep the test results of a CSV table.

    Its first line names the columns: test, result, date, reason, and accession number, study or patient. Encoding,
    separator and language may be any usual ones. Where a row cannot be kept nothing is, unless `keep=good`: 422 names
    each such line.
    """
    taking, asking = services().result_import, [query.keep, hashlib.sha256(table).hexdigest()]
    repeated = idempotent_request(asking)
    earlier = repeated.earlier(request_session()) if repeated else None
    if earlier is not None:
        return schemas.ResultTable(kept=int(earlier), rows=[])
    found = taking.preview(person(), table)
    wrong = [one for one in found if one.rejected]
    if query.keep == "none":
        return schemas.ResultTable(kept=0, rows=[_row(one) for one in found])
    if wrong and query.keep == "all":
        return _refused(wrong)
    kept = once(asking, lambda: str(taking.keep(person(), table, only_good=True)))
    return schemas.ResultTable(kept=int(kept), rows=[_row(one) for one in found])


@results.get("/reference-results.csv", "text/csv", scope=Scope.EXPORT, right=Right.SEE_ALL)
def get_reference_results() -> Response:
    """Get all test results of the clinic as a table, which can be taken again."""
    text = services().result_export.table(person())
    audit_after_response(Action.EXPORTED, Subject.CLINIC, str(person().clinic_id))
    return Response(text, content_type="text/csv; charset=utf-8")


def _refused(wrong: list[FoundRow]) -> Response:
    title = gettext("Some rows cannot be kept. Correct them, or keep only the others. Nothing was kept.")
    return problem(422, title, [{"where": f"line {one.row.line}", "what": _error(one) or ""} for one in wrong])


def _row(one: FoundRow) -> schemas.ResultRow:
    said = one.row.entered
    return schemas.ResultRow.model_validate(
        {
            "line": one.row.line,
            "study": one.study.key if one.study else None,
            "test": said.kind if said else None,
            "result": said.result if said else None,
            "tested_on": said.tested_on if said else None,
            "reason": said.reason if said else None,
            "error": _error(one),
        }
    )


def _error(one: FoundRow) -> str | None:
    return one.rejected.translated(gettext) if one.rejected else None
