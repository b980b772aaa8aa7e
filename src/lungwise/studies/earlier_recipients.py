"""Systems that got reports from an earlier release, which noted nobody: an upgrade notes them, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, selectinload

from lungwise.audit.actions import Action
from lungwise.audit.service import AuditTrail
from lungwise.store import Database, EncryptionError, utc_now
from lungwise.store.facts import read_fact, save_fact
from lungwise.studies.dispatch_models import GOES_TO_ARCHIVE, Dispatch, DispatchState
from lungwise.studies.models import FilmRecord, Study
from lungwise.studies.recipient_models import ReportRecipient
from lungwise.studies.service import Studies

_FACT, _NOTED = "recipients of reports", "noted"
_BATCH_SIZE = 200
_IS_NOTED = (
    select(ReportRecipient.id)
    .where(ReportRecipient.study_key == Study.key, ReportRecipient.destination == Dispatch.destination)
    .exists()
)
_NOT_NOTED = (
    select(Dispatch, Study)
    .join(Study, Study.id == Dispatch.study_id)
    .where(~GOES_TO_ARCHIVE, ~_IS_NOTED)
    .options(selectinload(Study.films).selectinload(FilmRecord.readings))
    .order_by(Dispatch.id)
    .limit(_BATCH_SIZE)
)


def note_earlier_recipients(database: Database, studies_over: Callable[[Session], Studies]) -> Iterator[int]:
    """Note the systems that have a study's report, or may have it, and yield how many studies were looked at.

    They are noted as having it under the present identifiers, for nobody knows any others. It must be done before
    anything changes these or sends a report. A killed run goes on where it was.
    """
    with database.reading() as session:
        last = None if read_fact(session, _FACT) == _NOTED else 0
    while last is not None:
        with database.writing() as session:
            rows = session.execute(_NOT_NOTED.where(Dispatch.id > last)).all()
            _note(session, rows, studies_over(session))
            last = rows[-1].Dispatch.id if rows else None
            if last is None:
                save_fact(session, _FACT, _NOTED)
        yield len(rows)


def _note(session: Session, rows: Sequence[Row[Dispatch, Study]], studies: Studies) -> None:
    """Note who has reports. A study whose patient cannot be decrypted is left out, and `db check` names it."""
    for dispatch, study in rows:
        if _may_have_it(session, dispatch, study):
            try:
                identifiers = studies.report_identifiers(study)
            except EncryptionError:
                continue
            studies.recipients.note(study.clinic_id, dispatch.destination, identifiers)


def _may_have_it(session: Session, dispatch: Dispatch, study: Study) -> bool:
    """Return whether a system has a version of a report, or was tried; it may be queued, or cancelled, since."""
    if dispatch.state == DispatchState.SENT or dispatch.attempts:
        return True
    return AuditTrail(session, utc_now, dispatch.destination).has(study.clinic_id, Action.SENT, study.key)
