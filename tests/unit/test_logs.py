from __future__ import annotations

import json
import logging
import sys

import pytest

from lungwise.logs import JsonLines, TextLines, accepted, request_id

NAME = "Béla Bartók"


def record(message: str = "%s is done.", *values: object, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("lungwise.test").makeRecord(
        "lungwise.test", logging.INFO, __file__, 1, message, values, None, extra=extra
    )
    return made


def failed() -> logging.LogRecord:
    try:
        try:
            raise ValueError(f"no patient {NAME}")
        except ValueError as error:
            raise RuntimeError(NAME) from error
    except RuntimeError:
        info = sys.exc_info()
    return logging.getLogger("x").makeRecord("x", logging.ERROR, __file__, 1, "It failed.", (), info)


def test_a_line_is_one_json_object_with_the_request_it_belongs_to() -> None:
    token = request_id.set("request-1")
    try:
        line = json.loads(JsonLines().format(record("Job %d is done.", 7, job=7, patient=NAME)))
    finally:
        request_id.reset(token)
    assert (line["message"], line["job"], line["request_id"], line["level"]) == (
        "Job 7 is done.",
        7,
        "request-1",
        "info",
    )
    assert "patient" not in line


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_a_fault_is_logged_by_kind_and_place_and_never_by_its_words(form: logging.Formatter) -> None:
    line = form.format(failed())
    assert "ValueError" in line
    assert "RuntimeError" in line
    assert "test_logs.py" in line
    assert "Bart" not in line


@pytest.mark.parametrize("given", ["", None, "short", "x" * 65, "with space here", "line\nbreak-00", "<script>alert"])
def test_an_ill_formed_request_id_is_not_taken_over(given: str | None) -> None:
    assert accepted(given) is None


def test_a_well_formed_request_id_is() -> None:
    assert accepted("req-0123.AB_c") == "req-0123.AB_c"
