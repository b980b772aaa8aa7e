"""Who has what was sent of studies: it stays there when a study is deleted here, unless it is withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from lungwise.patients.records import PatientRecords
from lungwise.patients.service import IdentityRules, Patient
from lungwise.store import Clock, database_time, new_key
from lungwise.store.lease_queue import QUEUED
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.models import Study
from lungwise.studies.recipient_models import HOLDS, ReportRecipient
from lungwise.studies.report_identifiers import ReportIdentifiers


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTo:
    """Where results of studies are, or may be: archives have DICOM objects, and other systems reports."""

    archives: tuple[str, ...]
    systems: tuple[str, ...]


class Recipients:
    """Keeps which systems have a study's report, or may have it, and under whom."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def sent_to(self, studies: Sequence[Study]) -> SentTo:
        """Return who has results of any of some studies."""
        query = select(Dispatch).where(Dispatch.study_id.in_([study.id for study in studies])).order_by(Dispatch.id)
        dispatches = self._session.scalars(query).all()
        noted = select(ReportRecipient.destination).where(ReportRecipient.study_key.in_([one.key for one in studies]))
        archives = (one.destination for one in dispatches if one.is_for_archive and one.accepted)
        return SentTo(archives=tuple(dict.fromkeys(archives)), systems=tuple(sorted(set(self._session.scalars(noted)))))

    def identifiers(self, study: str, destination: str) -> ReportIdentifiers | None:
        """Return what identifies a study's report at a system; None where it has none."""
        row = self._session.scalar(_of(study, destination))
        return ReportIdentifiers.from_json(row.identifiers_json) if row else None

    def is_still_of(self, earlier: ReportIdentifiers, now: ReportIdentifiers) -> bool:
        """Return whether a report is of the person still under whom it was sent, by the same number.

        Records that were merged are one person's: whoever has the report under either of them has it rightly.
        """
        if earlier.patient == now.patient:
            before, after = earlier.facts, now.facts
            is_reissued = before.issuer and after.issuer and before.issuer != after.issuer
            return before.identifier == after.identifier and not is_reissued
        records = PatientRecords(self._session, IdentityRules())
        record = self._session.scalar(select(Patient).where(Patient.key == earlier.patient))
        return record is not None and records.root(record).key == now.patient

    def note(self, clinic_id: int, destination: str, identifiers: ReportIdentifiers) -> None:
        """Note that a system is about to get a report. Whoever calls holds the study's lock."""
        row = self._session.scalar(_of(identifiers.study, destination))
        if row is None:
            now = database_time(self._session, self._clock)
            row = ReportRecipient(key=new_key(), clinic_id=clinic_id, study_key=identifiers.study, state=HOLDS)
            row.destination, row.created_at, row.due_at = destination, now, now
            self._session.add(row)
        row.identifiers_json = identifiers.as_json()
        self._session.flush()

    def forget(self, study: str, destination: str) -> None:
        """Forget that a system has a study's report: it was withdrawn there, or not taken."""
        named = (ReportRecipient.study_key == study, ReportRecipient.destination == destination)
        self._session.execute(delete(ReportRecipient).where(*named))

    def forget_all(self, study: str) -> None:
        """Forget who has the report of a study that is deleted here and stays there."""
        held = (ReportRecipient.study_key == study, ReportRecipient.state == HOLDS)
        self._session.execute(delete(ReportRecipient).where(*held))

    def withdraw(self, study: Study) -> None:
        """Queue that the report of a study that is being deleted is withdrawn wherever it is, or may be.

        Nothing overtakes a report that is being sent just now: its withdrawal waits until its lease has ended.
        """
        dispatches = self._locked(study)
        now = database_time(self._session, self._clock)
        sending = {one.destination: one.due_at for one in dispatches if one.state == DispatchState.SENDING}
        query = select(ReportRecipient).where(ReportRecipient.study_key == study.key).with_for_update()
        for row in self._session.scalars(query.execution_options(populate_existing=True)):
            row.state, row.version, row.created_at = QUEUED, study.report_version + 1, now
            row.due_at = max(now, sending.get(row.destination, now))
        self._session.flush()

    def _locked(self, study: Study) -> Sequence[Dispatch]:
        """Lock a study and its dispatches, in this order, as who sends its report does, and read them anew."""
        self._session.refresh(study, ["report_version"], with_for_update=True)
        mine = select(Dispatch).where(Dispatch.study_id == study.id).with_for_update()
        return self._session.scalars(mine.execution_options(populate_existing=True)).all()


def _of(study: str, destination: str) -> Select[ReportRecipient]:
    return select(ReportRecipient).where(ReportRecipient.study_key == study, ReportRecipient.destination == destination)
