"""The queue of results to send: a study's objects wait for an archive, and its reports for other systems.

A report waits until the system has acknowledged its newest version; an archive acknowledges each object.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import ColumnElement, bindparam, delete, exists, select, update
from sqlalchemy.orm import Session

from lungwise.clinics.destinations import DestinationsOf
from lungwise.store import Clock
from lungwise.store.lease_queue import AHEAD, Lease, LeaseQueue, LeaseStatements
from lungwise.studies.commitment_models import CommitmentRequest, Reference
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.models import FilmRecord, ReadingRecord, Study, StudyStatus
from lungwise.studies.recipients import Recipients
from lungwise.studies.report_identifiers import ReportIdentifiers
from lungwise.studies.sent_reports import ReportVersion, SentReports

NOT_OF_CLINIC = "the settings send results of this clinic elsewhere"
_SETTLE = timedelta(seconds=3)
"""How long a study waits for further films after its last reading: they go in one report."""
_IS_READ = (
    select(Study.status).where(Study.id == Dispatch.study_id).scalar_subquery() != StudyStatus.WAITING,
    Dispatch.destination.in_(bindparam("destinations", expanding=True)),
)
"""What may be sent: results of which no film waits, for an archive that is still one."""
_CLINIC = select(Study.clinic_id).where(Study.id == Dispatch.study_id).scalar_subquery()

LONGEST_CONFIRMATION = timedelta(days=1)
"""How long an archive may be given to confirm what it keeps, before it is asked again."""
_MOST_ASKS = 3
"""How often an archive is asked in vain, before the objects are sent again."""
_OVER = (DispatchState.SENT, DispatchState.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery(Lease):
    """One claimed dispatch: which study's results go where, and what the archive has already.

    `version` is that of the report when it was claimed: what is made after that says as much, or more.
    """

    destination: str
    clinic_id: int
    study: str
    version: int
    accepted: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchLine:
    """One dispatch, as a list shows it."""

    study: str
    destination: str
    state: str
    attempts: int
    error: str
    withdrawal: bool = False

    @property
    def is_sending(self) -> bool:
        """Whether a process is sending it just now."""
        return self.state == DispatchState.SENDING


class Dispatches(LeaseQueue[Dispatch]):
    """The queue of results to send. A dispatch is tried for four days.

    Parameters
    ----------
    destinations
        The archives that results are sent to; what waits for another one is not tried.
    of_clinic
        Gives those of a clinic, where they differ.
    """

    statements = LeaseStatements(Dispatch, always=_IS_READ)
    longest_wait = LONGEST_CONFIRMATION
    lease: ClassVar[timedelta] = timedelta(minutes=10)
    films: ClassVar[tuple[ColumnElement[bool], ...]] = (FilmRecord.kind == "DICOM",)
    """Of which films the results are sent."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        destinations: Collection[str] = (),
        of_clinic: DestinationsOf | None = None,
    ) -> None:
        super().__init__(session, clock, self.lease)
        self._destinations = list(dict.fromkeys(destinations))
        self._of_clinic = of_clinic

    def bound(self, now: datetime) -> dict[str, object]:
        """Return the archives that results are sent to."""
        return {"destinations": self._destinations}

    def queue(self, study_id: int) -> None:
        """Queue a study's results for every destination, where a film of it came as DICOM and was looked at.

        What was sent is queued again: a further film makes another report. What is being sent just now stays so; see
        `finish`.
        """
        looked_at = (FilmRecord.study_id == study_id, *self.films, ReadingRecord.film_id == FilmRecord.id)
        if not self._session.scalar(select(exists().where(*looked_at))):
            return
        now = self._now()
        known = {one.destination: one for one in self._of_study(study_id)}
        for name in self._destinations_of(study_id):
            if name not in known:
                known[name] = Dispatch(study_id=study_id, destination=name, created_at=now)
                self._session.add(known[name])
            dispatch = known[name]
            if dispatch.state in _OVER:
                dispatch.created_at = now
            if dispatch.state != DispatchState.SENDING:
                dispatch.state, dispatch.attempts, dispatch.asks = DispatchState.QUEUED, 0, 0
                dispatch.due_at = now + _SETTLE
        self._session.flush()

    def queue_study(self, key: str) -> bool:
        """Queue a study's results; return whether there is such a study."""
        study_id = self._session.scalar(select(Study.id).where(Study.key == key))
        if study_id is not None:
            self.queue(study_id)
        return study_id is not None

    def retry_now(self) -> None:
        """Let everything that waits be tried at once, and what has failed again, last; what is claimed stays so."""
        now = self._now()
        unsent = Dispatch.state.in_((DispatchState.QUEUED, DispatchState.FAILED))
        for concerned, due in ((Dispatch.error == "", now - AHEAD), (Dispatch.error != "", now)):
            again = update(Dispatch).where(unsent, concerned)
            self._session.execute(again.values(state=DispatchState.QUEUED, due_at=due, attempts=0))

    def cancel(self, name: str) -> int:
        """Cancel what waits for a destination, an archive by AE@host:port or AE title; return how many studies."""
        waits = (DispatchState.QUEUED, DispatchState.FAILED, DispatchState.SENDING)
        unsent = self._session.scalars(select(Dispatch).where(Dispatch.state.in_(waits)).with_for_update())
        named = [one for one in unsent if name in (one.destination, one.destination.partition("@")[0])]
        for dispatch in named:
            dispatch.state, dispatch.claim = DispatchState.CANCELLED, ""
        self._session.flush()
        return len(named)

    def claim(self) -> ClaimedDelivery | None:
        """Claim the dispatch that has been due for longest."""
        dispatch = self._claim_next()
        if dispatch is None:
            return None
        if dispatch.asks >= _MOST_ASKS:  # it does not know them, or has lost them
            dispatch.accepted, dispatch.asks = sorted(dispatch.committed or ()), 0
        study = self._session.get_one(Study, dispatch.study_id)
        return ClaimedDelivery(
            job=dispatch.id,
            token=dispatch.claim,
            destination=dispatch.destination,
            clinic_id=study.clinic_id,
            study=study.key,
            version=study.report_version,
            accepted=frozenset(dispatch.accepted),
        )

    def accept(self, delivery: ClaimedDelivery, instance: str, report: ReportVersion | None = None) -> None:
        """Keep that the archive has acknowledged an object, which may be a report: it is never sent there again."""
        dispatch = self._session.get(Dispatch, delivery.job)
        if dispatch is None:  # the study was deleted meanwhile
            return
        dispatch.accepted = sorted({*dispatch.accepted, instance})
        if report is not None:
            SentReports(self._session, self._now).keep(dispatch.study_id, report)

    def finish(self, delivery: ClaimedDelivery) -> bool:
        """Keep that a destination has a version, and return whether the dispatch is still held.

        If somebody has changed meanwhile what the report says, the next version is due.
        """
        dispatch = self._held(delivery)
        if dispatch is not None and not self._is_outdated(delivery):
            dispatch.state, dispatch.error, dispatch.due_at = DispatchState.SENT, "", self._now()
        elif dispatch is not None:
            self._queue_next(dispatch)
        return dispatch is not None

    def refuse(self, delivery: ClaimedDelivery, error: str) -> None:
        """Give up a version that its destination refuses; if there is another meanwhile, that is due."""
        dispatch = self._held(delivery)
        if dispatch is None:
            return
        if self._is_outdated(delivery):
            self._queue_next(dispatch)
        else:
            dispatch.state = DispatchState.FAILED
        dispatch.error = error[:200]

    def request(
        self, delivery: ClaimedDelivery, stored: Mapping[str, Reference], transaction_uid: str
    ) -> list[Reference]:
        """Keep that an archive is asked about objects, and return those that it has not confirmed yet.

        Parameters
        ----------
        stored
            What the archive has of the study's results: by their own SOP Instance UIDs, each as it was sent.
        """
        dispatch = self._held(delivery)
        if dispatch is None:
            return []
        changed = {own: list(sent) for own, sent in stored.items() if sent.instance != own}
        dispatch.as_sent = (dispatch.as_sent or {}) | changed
        left = [own for own in stored if own not in (dispatch.committed or ())]
        if left:
            dispatch.asks += 1
            self._session.add(
                CommitmentRequest(dispatch_id=dispatch.id, transaction_uid=transaction_uid, created_at=self._now())
            )
        return [Reference.of([dispatch.as_sent.get(own, stored[own])])[0] for own in left]

    def settle(self, delivery: ClaimedDelivery, stored: Mapping[str, Reference], wait: timedelta) -> str:
        """Finish where the archive has confirmed all objects; else wait for that, and return what is missing.

        Where somebody has changed the report meanwhile, the next version is due and does not wait.
        """
        dispatch = self._held(delivery)
        if dispatch is None:
            return ""
        left = [own for own in stored if own not in (dispatch.committed or ())]
        if not left:
            self._session.execute(delete(CommitmentRequest).where(CommitmentRequest.dispatch_id == dispatch.id))
            self.finish(delivery)
            dispatch.asks = 0
            return ""
        if not all(own in dispatch.accepted for own in left):  # it says that it does not keep them
            error = dispatch.error
            self.fail(delivery, error)
            return error
        title = dispatch.destination.rpartition("@")[0]
        error = f"{title} has not confirmed yet that it keeps {len(left)} objects"
        if self._is_outdated(delivery):
            self._queue_next(dispatch)
            dispatch.asks = 0
            return error
        self.fail(delivery, error)
        if dispatch.state == DispatchState.QUEUED:
            dispatch.due_at = self._now() + wait
        return error

    def confirm(self, title: str, transaction_uid: str, kept: Collection[str], failed: Mapping[str, int]) -> bool:
        """Take an archive's answer about objects; return whether it was asked that.

        Parameters
        ----------
        title
            The AE title of who answers.
        kept, failed
            SOP Instance UIDs, as they were sent, and of what the archive does not keep why.
        """
        mine = CommitmentRequest.transaction_uid == transaction_uid
        query = select(Dispatch).join(CommitmentRequest, CommitmentRequest.dispatch_id == Dispatch.id).where(mine)
        dispatch = self._session.scalar(query.with_for_update())
        if dispatch is None or dispatch.destination.rpartition("@")[0] != title:
            return False
        own = {sent[1]: uid for uid, sent in (dispatch.as_sent or {}).items()}
        lost = {own.get(uid, uid) for uid in failed}
        accepted = set(dispatch.accepted)
        confirmed = {own.get(uid, uid) for uid in kept} & accepted
        dispatch.committed = sorted({*(dispatch.committed or ()), *confirmed} - lost)
        dispatch.accepted = sorted(accepted - lost)
        if lost:
            reasons = ", ".join(f"{reason:04X}" for reason in sorted(set(failed.values())))
            dispatch.error = f"{title} does not keep {len(lost)} objects ({reasons})"
        if dispatch.state == DispatchState.QUEUED:
            dispatch.due_at = self._now() + (self._pause(dispatch) if lost else timedelta(0))
        self._session.execute(delete(CommitmentRequest).where(mine))
        return True

    def fail(
        self, lease: Lease, error: str, *, away: bool = False, clinics: Collection[int] | None = None
    ) -> Dispatch | None:
        """Queue a dispatch again for later; return it if it is still held.

        Where the destination is away, whatever else waits for it waits too, and takes no time from other destinations.

        Parameters
        ----------
        clinics
            Those whose results go to the same place by this destination; None: every clinic's do.
        """
        dispatch = super().fail(lease, error)
        if away and dispatch is not None and dispatch.state == DispatchState.QUEUED:
            there = [] if clinics is None else [_CLINIC.in_(clinics)]
            self._delay_others(dispatch, Dispatch.destination == dispatch.destination, *there)
        return dispatch

    def unsent(self) -> list[DispatchLine]:
        """List what is not sent, the oldest first."""
        shown = (Dispatch.destination, Dispatch.state, Dispatch.attempts, Dispatch.error)
        query = select(Study.key.label("study"), *shown).select_from(Dispatch).join(Study)
        query = query.where(Dispatch.state.not_in(_OVER)).order_by(Dispatch.id)
        return [DispatchLine(**row._mapping) for row in self._session.execute(query)]

    def _held(self, lease: Lease) -> Dispatch | None:
        """Lock the study too, and before its dispatch, as who changes the report does: its version is the last then."""
        of_job = select(Dispatch.study_id).where(Dispatch.id == lease.job).scalar_subquery()
        self._session.execute(select(Study.id).where(Study.id == of_job).with_for_update())
        return super()._held(lease)

    def _is_outdated(self, delivery: ClaimedDelivery) -> bool:
        newest = select(Study.report_version).where(Study.key == delivery.study)
        return self._session.scalar(newest) != delivery.version

    def _queue_next(self, dispatch: Dispatch) -> None:
        dispatch.state, dispatch.claim, dispatch.attempts = DispatchState.QUEUED, "", 0
        dispatch.error, dispatch.created_at, dispatch.due_at = "", self._now(), self._now()

    def _destinations_of(self, study_id: int) -> Collection[str]:
        if self._of_clinic is None:
            return self._destinations
        return self._of_clinic(self._session.scalars(select(Study.clinic_id).where(Study.id == study_id)).one())

    def _of_study(self, study_id: int) -> Collection[Dispatch]:
        return self._session.scalars(select(Dispatch).where(Dispatch.study_id == study_id).with_for_update()).all()


class ReportDispatches(Dispatches):
    """The queue of reports to send to systems that are no archives: of every film, whatever it came as.

    Its lease is longer than any system has to answer, and short, for whatever waits behind a process that died.
    """

    lease = timedelta(minutes=3)
    films = ()

    def begin(self, delivery: ClaimedDelivery, identifiers: ReportIdentifiers) -> bool:
        """Renew the lease on a report that is sent next, and note that the system may have it from now on.

        Return whether it is still held: where the study was deleted meanwhile, nobody would withdraw it.
        """
        held = self._held(delivery) is not None
        if held:
            self.renew(delivery)
            self._recipients.note(delivery.clinic_id, delivery.destination, identifiers)
        return held

    def not_taken(self, delivery: ClaimedDelivery, earlier: ReportIdentifiers | None) -> None:
        """Note that a system has said that it has not taken a report: it has the earlier one, or none."""
        if self._held(delivery) is None:
            return
        if earlier is None:
            self._recipients.forget(delivery.study, delivery.destination)
        else:
            self._recipients.note(delivery.clinic_id, delivery.destination, earlier)

    def withdrawn(self, delivery: ClaimedDelivery) -> bool:
        """Note that a system has withdrawn a study's report; the next version is due, with a higher number.

        Return whether it was still held.
        """
        dispatch = self._held(delivery)
        if dispatch is None:
            return False
        self._recipients.forget(delivery.study, delivery.destination)
        study = update(Study).where(Study.id == dispatch.study_id)
        self._session.execute(study.values(report_version=Study.report_version + 1))
        self._queue_next(dispatch)
        return True

    def send_newest_last(self, delivery: ClaimedDelivery) -> None:
        """Queue a report again after a version that was no longer held: it may have arrived after a newer one.

        Where that is being sent just now, another follows when its lease has ended: they never go beside each other.
        """
        dispatch = self._session.get(Dispatch, delivery.job, with_for_update=True)
        if dispatch is None or not self._is_outdated(delivery):
            return
        if dispatch.state == DispatchState.SENT:
            self._queue_next(dispatch)
        elif dispatch.state == DispatchState.SENDING:
            dispatch.state, dispatch.claim = DispatchState.QUEUED, ""

    @property
    def _recipients(self) -> Recipients:
        return Recipients(self._session, self._now)
