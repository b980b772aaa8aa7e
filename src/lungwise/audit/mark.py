"""The mark of the trail's end in the data folder: who writes to the database alone cannot cut entries off unseen.

It is written after each commit that added entries. It may fall behind the database, where two processes write it at
once or a machine was off; it is never ahead, but where entries were cut off, or an earlier database was put in place.
Where that is done by right, the trail enters its next generation, which the database says, signed: a mark of an earlier
one, which another machine may hold, says nothing any more.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import get_ident

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from lungwise.audit.chain import End
from lungwise.audit.models import AuditHead
from lungwise.store import keys_of
from lungwise.store.facts import read_fact, save_fact

_GENERATION = "audit trail generation"
_HEAD, _MARK = "audit head", "audit mark"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """The trail's end as this machine last saw it committed, with its signature, and the generation it is of."""

    end: End
    signature: str
    generation: int = 0


def read_mark(session: Session) -> Mark | None:
    """Return the mark; none where there is none, or something else lies in its place."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(_path(session).read_text(encoding="utf-8"))
        return Mark(End(**kept["end"]), str(kept["signature"]), int(kept.get("generation", 0)))
    return None


def is_current(session: Session, mark: Mark) -> bool:
    """Return whether a mark says anything of the trail: it is of its generation, or of a later one.

    Whoever writes to the database alone can put an earlier generation back there.
    """
    return mark.generation >= _generation(session)


def begin_generation(session: Session, at: datetime) -> None:
    """Let the trail enter its next generation: every machine takes its end as it is now.

    What the database said of earlier generations may be lost with it. So the moment counts, too.
    """
    save_fact(session, _GENERATION, str(max(_latest_generation(session) + 1, int(at.timestamp()))))


def write_mark(session: Session, mark: Mark) -> None:
    """Write the mark. It need not survive a power cut: an older one does as well."""
    path = _path(session)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    try:
        unfinished.write_text(json.dumps(asdict(mark)), encoding="utf-8")
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
        session.info[_MARK] = Mark(End.of(head), head.signature, _latest_generation(session))


def _write(session: Session) -> None:
    if session.in_nested_transaction():
        return
    mark: Mark | None = session.info.pop(_MARK, None)
    if mark is not None:
        session.info[_HEAD] = None
        write_mark(session, mark)


def _latest_generation(session: Session) -> int:
    """Return the latest generation that the database or this machine knows."""
    mark = read_mark(session)
    return max(_generation(session), mark.generation if mark else 0)


def _generation(session: Session) -> int:
    return int(read_fact(session, _GENERATION) or 0)


def _path(session: Session) -> Path:
    return keys_of(session).folder / "audit-end.json"
