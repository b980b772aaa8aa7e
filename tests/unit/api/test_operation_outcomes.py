from __future__ import annotations

from fhir.resources.R4B.operationoutcome import OperationOutcome
from flask import Flask, Response

from lungwise.api.operation_outcomes import as_outcome
from lungwise.webkit.problems import problem


def test_a_problem_becomes_an_outcome_with_an_issue_for_each_element() -> None:
    with Flask("here").app_context():
        errors = [{"where": "identifier.0.value", "what": "too long"}, {"where": "a b'", "what": "no"}]
        outcome = OperationOutcome.model_validate_json(as_outcome(problem(422, errors=errors)).get_data())
        assert [(one.diagnostics, one.expression) for one in outcome.issue] == [
            ("too long", ["identifier.0.value"]),
            ("no", None),
        ]
        (one,) = OperationOutcome.model_validate_json(as_outcome(problem(404)).get_data()).issue
        assert (one.code, one.severity) == ("not-found", "error")
    plain = Response("{}", content_type="application/json")
    assert as_outcome(plain).mimetype == "application/json"
