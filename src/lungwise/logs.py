"""The logs: a line of text or of JSON for each event, with the request that it belongs to.

No line holds patient data: messages are made of keys, routes and numbers, and of an exception only the kind and the
places are logged, never its message, which may quote what somebody typed.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType

Fault = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that this thread serves, which includes the reading of a film that it uploaded."""
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
_EXTRAS = ("method", "route", "status", "milliseconds", "job", "verdict", "account", "address", "reason")
"""What a message may carry besides its text; each is a field of the JSON line."""


class LogFormat(StrEnum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least weight of what is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def accepted(given: str | None) -> str | None:
    """Return the id that came with a request, if it is well-formed."""
    return given if given and _WELL_FORMED.fullmatch(given) else None


def configure(form: LogFormat, level: LogLevel = LogLevel.INFO) -> None:
    """Write the logs of this process to standard error.

    What libraries say of their work says nothing to who runs Lungwise, and may name whose film it is: of theirs only
    warnings and errors are written, unless everything is asked for.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form is LogFormat.JSON else TextLines())
    ours = logging.getLevelNamesMapping()[level.upper()]
    theirs = ours if level is LogLevel.DEBUG else max(ours, logging.WARNING)
    logging.basicConfig(level=theirs, handlers=[handler], force=True)
    logging.getLogger("lungwise").setLevel(ours)
    logging.getLogger("lungwise.security").setLevel(min(ours, logging.WARNING))


class TextLines(logging.Formatter):
    """Lines for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(name)s %(message)s%(request)s")

    def format(self, record: logging.LogRecord) -> str:
        """Write one event."""
        known = request_id.get()
        record.request = f" [{known}]" if known else ""
        record.exc_text = None  # another handler may have written the exception's message there
        return super().format(record)

    def formatException(self, ei: Fault) -> str:  # noqa: N802 - logging's own name
        """Format the kind of an exception, and its places."""
        return "\n".join(_places(ei))


class JsonLines(logging.Formatter):
    """Lines for programs: one JSON object each."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one event."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {"request_id": request_id.get()} if request_id.get() else {}
        line |= {name: getattr(record, name) for name in _EXTRAS if hasattr(record, name)}
        line |= {"fault": _places(record.exc_info)} if record.exc_info else {}
        return json.dumps(line, ensure_ascii=False)


def _places(fault: Fault) -> list[str]:
    """List an exception's kind and each place that it passed, those of its causes first."""
    kind, error, trace = fault
    if kind is None or error is None:
        return []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = _places((type(cause), cause, cause.__traceback__)) if cause else []
    here = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
    return [*before, kind.__qualname__, *here]
