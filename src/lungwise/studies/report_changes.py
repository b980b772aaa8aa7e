"""When somebody changes what a study's report says: every archive that has the earlier one gets the new one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from lungwise.store import Clock
from lungwise.studies.models import Dispatch, DispatchState, Study

_SETTLED = (DispatchState.SENT, DispatchState.SENDING, DispatchState.FAILED)


class ReportChanges:
    """Notes that reports have changed, in the transaction that changes them."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def of_study(self, study: Study) -> None:
        """Note that somebody changed what the report of a study says."""
        self._note([study.id])

    def of_patient(self, patient_id: int) -> None:
        """Note that somebody changed what the reports of all of a patient's studies say."""
        self._note(self._session.scalars(select(Study.id).where(Study.patient_id == patient_id)).all())

    def _note(self, studies: Sequence[int]) -> None:
        """Queue again what was sent; who is sending an earlier version now loses the claim."""
        now = self._clock()
        self._session.execute(update(Study).where(Study.id.in_(studies)).values(changed_at=now))
        sent = (Dispatch.study_id.in_(studies), Dispatch.state.in_(_SETTLED))
        since = case((Dispatch.state == DispatchState.SENT, now), else_=Dispatch.created_at)
        queued = ((Dispatch.state, DispatchState.QUEUED), (Dispatch.claim, ""), (Dispatch.attempts, 0))
        again = (
            update(Dispatch)
            .where(*sent)
            .ordered_values(
                (Dispatch.created_at, since),  # first: MySQL sets one after the other
                *queued,
                (Dispatch.due_at, now),
            )
        )
        self._session.execute(again)
