"""When what a study's report says is changed: whoever has the earlier one gets the new one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, case, select, update
from sqlalchemy.orm import Session

from lungwise.clinics.destinations import DestinationsOf, nowhere
from lungwise.store import Clock, database_time
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.models import Study, StudyStatus

_SETTLED = Dispatch.state.in_((DispatchState.SENT, DispatchState.FAILED))
_NOT_CONFIRMED = (Dispatch.state == DispatchState.QUEUED) & (Dispatch.asks > 0)
"""What an archive has, and has not confirmed yet: it may wait for a day, and what is new must not."""
_CANCELLED = Dispatch.state == DispatchState.CANCELLED


class ReportChanges:
    """Notes that reports have changed, in the transaction that changes them.

    Parameters
    ----------
    report_to
        Gives the systems that get each version of every report of a clinic, also of one whose earlier versions they do
        not have.
    """

    def __init__(self, session: Session, clock: Clock, report_to: DestinationsOf = nowhere) -> None:
        self._session = session
        self._clock = clock
        self._report_to = report_to

    def of_study(self, study: Study, at: datetime | None = None) -> None:
        """Note that what the report of a study says is changed, now or when that was kept."""
        self._note([study.id], at)

    def of_patient(self, patient_id: int) -> None:
        """Note that what the reports of all of a patient's studies say is changed."""
        self._note(self._session.scalars(select(Study.id).where(Study.patient_id == patient_id)).all())

    def _note(self, studies: Sequence[int], at: datetime | None = None) -> None:
        """Make another version of the reports, and queue again what was sent, confirmed or not.

        Where sending one version to a system was cancelled, that system gets the next: it may have an earlier one.
        What is being sent just now stays so, that versions arrive one after the other: whoever sends it sees at the
        end that there is another version.
        """
        changed = update(Study).where(Study.id.in_(studies))
        self._session.execute(changed.values(changed_at=at or self._clock(), report_version=Study.report_version + 1))
        self._queue_again(Dispatch.study_id.in_(studies), _SETTLED | _NOT_CONFIRMED)
        of_clinics = defaultdict[int, list[int]](list)
        for number, clinic_id in self._session.execute(select(Study.id, Study.clinic_id).where(Study.id.in_(studies))):
            of_clinics[clinic_id].append(number)
        for clinic_id, own in of_clinics.items():
            for name in self._report_to(clinic_id):
                self._queue_again(Dispatch.study_id.in_(own), Dispatch.destination == name, _CANCELLED)
                self._queue_first(name, own)

    def _queue_again(self, *which: ColumnElement[bool]) -> None:
        now = database_time(self._session, self._clock)
        is_over = Dispatch.state.in_((DispatchState.SENT, DispatchState.CANCELLED))
        since = case((is_over, now), else_=Dispatch.created_at)
        queued = ((Dispatch.state, DispatchState.QUEUED), (Dispatch.claim, ""))
        begun_anew = ((Dispatch.attempts, 0), (Dispatch.asks, 0))
        again = (
            update(Dispatch)
            .where(*which)
            .ordered_values(
                (Dispatch.created_at, since),  # first: MySQL sets one after the other
                *queued,
                *begun_anew,
                (Dispatch.due_at, now),
            )
        )
        self._session.execute(again)

    def _queue_first(self, name: str, studies: Sequence[int]) -> None:
        """Queue what a system has no version of; what is not read yet is queued with its first reading."""
        has = select(Dispatch.study_id).where(Dispatch.destination == name, Dispatch.study_id.in_(studies))
        read = (Study.id.in_(studies), Study.status != StudyStatus.WAITING)
        now = database_time(self._session, self._clock)
        for study in self._session.scalars(select(Study.id).where(*read, Study.id.not_in(has))).all():
            self._session.add(Dispatch(study_id=study, destination=name, created_at=now, due_at=now))
        self._session.flush()
