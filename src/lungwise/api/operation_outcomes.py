"""Problems as FHIR says them: an OperationOutcome (FHIR R4, 2.30)."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from flask import Response

from lungwise.api.framework.operations import FHIR_TYPE
from lungwise.webkit.problems import MEDIA_TYPE

_CODES: Final = {
    400: "structure",
    401: "login",
    403: "forbidden",
    404: "not-found",
    409: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    503: "transient",
    507: "no-store",
}
_ELEMENT = re.compile(r"[A-Za-z]\w*(\.\w+)*", re.ASCII)


def as_outcome(response: Response) -> Response:
    """Write a problem as an OperationOutcome, and leave every other response as it is."""
    if response.mimetype == MEDIA_TYPE:
        problem = json.loads(response.get_data())
        outcome = {"resourceType": "OperationOutcome", "issue": _issues(problem)}
        response.set_data(json.dumps(outcome, ensure_ascii=False))
        response.content_type = FHIR_TYPE
    return response


def _issues(problem: dict[str, Any]) -> list[dict[str, Any]]:
    """Write an issue for each element that is wrong, or else one."""
    title = {"severity": "error", "code": _CODES.get(problem["status"], "exception"), "diagnostics": problem["title"]}
    wrong = [
        {"severity": "error", "code": "invalid", "diagnostics": error["what"], **_expression(error["where"])}
        for error in problem["errors"]
    ]
    return wrong or [title]


def _expression(where: str) -> dict[str, list[str]]:
    return {"expression": [where]} if _ELEMENT.fullmatch(where) else {}
