"""A clinic's weeks in counts, by the API."""

from __future__ import annotations

import json

from flask import Response

from lungwise.access import Right
from lungwise.accounts.bearer import clinic
from lungwise.accounts.tokens import Scope
from lungwise.api import aggregate_schemas as schemas
from lungwise.api.framework.operations import Operations
from lungwise.api.services import services
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response
from lungwise.monitoring.aggregates import aggregates_csv
from lungwise.monitoring.dhis2 import data_value_set
from lungwise.webkit.current_person import person

aggregates = Operations()


@aggregates.get(
    "/aggregates", schemas.Aggregates, scope=Scope.EXPORT, right=Right.SEE_ALL, query=schemas.AggregateQuery
)
def get_aggregates(query: schemas.AggregateQuery) -> schemas.Aggregates:
    """Get the clinic's last weeks in counts for a health programme, without anything of a patient."""
    weeks = services().aggregates.of(person(), query.weeks)
    _audit()
    return schemas.Aggregates.model_validate({"weeks": weeks}, from_attributes=True)


@aggregates.get("/aggregates.csv", "text/csv", scope=Scope.EXPORT, right=Right.SEE_ALL, query=schemas.AggregateQuery)
def get_aggregates_csv(query: schemas.AggregateQuery) -> Response:
    """Get the same as a table."""
    text = aggregates_csv(services().aggregates.of(person(), query.weeks))
    _audit()
    return Response(text, content_type="text/csv; charset=utf-8")


@aggregates.get(
    "/aggregates.dhis2",
    "application/json",
    scope=Scope.EXPORT,
    right=Right.SEE_ALL,
    query=schemas.AggregateQuery,
)
def get_aggregates_dhis2(query: schemas.AggregateQuery) -> Response:
    """Get the same as a data value set for DHIS2, which imports it as data values.

    Without the settings `dhis2_data_elements` and `dhis2_org_units` there is none: 422 says what is missing.
    """
    weeks = services().aggregates.of(person(), query.weeks)
    values = data_value_set(weeks, clinic(), services().settings)
    _audit()
    return Response(json.dumps(values), content_type="application/json")


def _audit() -> None:
    audit_after_response(Action.EXPORTED, Subject.CLINIC, str(person().clinic_id))
