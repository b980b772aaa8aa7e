from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from lungwise.logs import JsonLines, LogFormat, LogLevel, TextLines, accepted, configure, request_id

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


@pytest.fixture
def loggers() -> Iterator[None]:
    """Leave the loggers of these tests as they were."""
    kept = [(one, one.level, one.handlers[:]) for one in map(logging.getLogger, ("", "lungwise", "lungwise.security"))]
    for logger, _level, handlers in kept:  # `configure` closes what it finds
        logger.handlers = [] if logger.name == "root" else handlers
    yield
    for logger, level, handlers in kept:
        logger.setLevel(level)
        logger.handlers = handlers


def logged(level: LogLevel, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Have each of three loggers say something of each weight, and return what is written."""
    configure(LogFormat.TEXT, level)
    for name in ("lungwise.web", "lungwise.security", "highdicom"):
        for weight in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger(name), weight)("%s", weight)
    return [line.split(" ", 2)[2] for line in capsys.readouterr().err.splitlines()]


@pytest.mark.usefixtures("loggers")
def test_libraries_say_only_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    ours = ["lungwise.web info", "lungwise.web warning", "lungwise.web error"]
    security = ["lungwise.security info", "lungwise.security warning", "lungwise.security error"]
    assert logged(LogLevel.INFO, capsys) == [*ours, *security, "highdicom warning", "highdicom error"]


@pytest.mark.usefixtures("loggers")
def test_a_refused_request_is_logged_at_every_level(capsys: pytest.CaptureFixture[str]) -> None:
    security = ["lungwise.security warning", "lungwise.security error"]
    assert logged(LogLevel.ERROR, capsys) == ["lungwise.web error", *security, "highdicom error"]
    assert logged(LogLevel.DEBUG, capsys)[8:] == [
        "highdicom debug",
        "highdicom info",
        "highdicom warning",
        "highdicom error",
    ]
