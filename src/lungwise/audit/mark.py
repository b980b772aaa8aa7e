"""The mark of the trail's end in the data folder: who writes to the database alone cannot cut entries off unseen.

It is written after each commit that added entries. It may fall behind the database, where two processes write it at
once or a machine was off; it is never ahead, but where entries were cut off.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import get_ident

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from lungwise.audit.chain import End
from lungwise.audit.models import AuditHead
from lungwise.store import keys_of

_HEAD, _MARK = "audit head", "audit mark"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """The trail's end as this machine last saw it committed, with its signature."""

    end: End
    signature: str


def read_mark(session: Session) -> Mark | None:
    """Return the mark; none where there is none, or something else lies in its place."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(_path(session).read_text(encoding="utf-8"))
        return Mark(End(**kept["end"]), str(kept["signature"]))
    return None


def write_mark(session: Session, mark: Mark) -> None:
    """Write the mark. It need not survive a power cut: an older one does as well."""
    path = _path(session)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    try:
        unfinished.write_text(json.dumps({"end": asdict(mark.end), "signature": mark.signature}), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:  # what was recorded is committed, and stays true
        _log.warning("The mark of the audit trail's end cannot be written: %s", error)


def mark_after_commit(session: Session, head: AuditHead) -> None:
    """Write the mark once the session has committed the head as it is then."""
    if _HEAD not in session.info:
        event.listen(session, "before_commit", _note)
        event.listen(session, "after_commit", _write)
    session.info[_HEAD] = head


def _note(session: Session) -> None:
    """Remember the head as it is about to be committed: a savepoint may have rolled entries back."""
    head = session.info.get(_HEAD)
    if head is not None and inspect(head).persistent and head.signature:
        session.info[_MARK] = Mark(End.of(head), head.signature)


def _write(session: Session) -> None:
    if session.in_nested_transaction():
        return
    mark: Mark | None = session.info.pop(_MARK, None)
    if mark is not None:
        session.info[_HEAD] = None
        write_mark(session, mark)


def _path(session: Session) -> Path:
    return keys_of(session).folder / "audit-end.json"
