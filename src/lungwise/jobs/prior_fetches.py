"""The queue of patients whose earlier films are to be fetched from an archive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.jobs.node_queue import NodeQueue, may_claim
from lungwise.patients.service import Patient, PatientFacts
from lungwise.store import Clock
from lungwise.store.lease_queue import QUEUED, Lease, LeaseStatements
from lungwise.studies.models import FilmRecord, Study
from lungwise.studies.prior_models import DONE, PriorFetch

_LEASE = timedelta(minutes=30)
_AGAIN = timedelta(hours=12)
"""How long what was found, or could not be, holds for a patient's further films."""
_SETTLE = timedelta(seconds=2)
_CLINIC = select(Patient.clinic_id).where(Patient.id == PriorFetch.patient_id).scalar_subquery()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedFetch(Lease):
    """One claimed patient, and the DICOM studies of whom a film is here already."""

    clinic_id: int
    patient_id: int
    patient: str
    facts: PatientFacts
    known_studies: frozenset[str]


class PriorFetches(NodeQueue[PriorFetch]):
    """The queue of patients whose earlier films are wanted. An archive is asked for a day."""

    statements = LeaseStatements(PriorFetch, always=[may_claim(PriorFetch, _CLINIC)])
    max_attempts = 30

    def __init__(self, session: Session, clock: Clock, clinic_id: int | None = None) -> None:
        super().__init__(session, clock, _LEASE, clinic_id)

    def queue(self, patient_id: int) -> None:
        """Queue a patient's record, unless that was done a short while ago."""
        now = self._now()
        known = self._session.scalar(select(PriorFetch).where(PriorFetch.patient_id == patient_id))
        if known is None:
            self._session.add(PriorFetch(patient_id=patient_id, created_at=now, due_at=now + _SETTLE))
        elif known.state not in (QUEUED, known.running) and known.due_at < now - _AGAIN:
            self._queue_again(known)
        self._session.flush()

    def ask_anew(self, record_id: int) -> None:
        """Ask once more for the films of a patient's record whose identifier was wrong, if they were asked for."""
        known = self._session.scalar(select(PriorFetch).where(PriorFetch.patient_id == record_id).with_for_update())
        if known is not None:
            self._queue_again(known)
            self._session.flush()

    def is_wanted(self, patient_id: int) -> bool:
        """Return whether a patient's earlier films are being fetched."""
        query = select(PriorFetch.id).where(PriorFetch.patient_id == patient_id)
        waits = PriorFetch.state.in_((QUEUED, PriorFetch.running))
        return self._session.scalar(query.where(waits)) is not None

    def claim(self) -> ClaimedFetch | None:
        """Claim the patient who has waited for longest."""
        fetch = self._claim_next()
        if fetch is None:
            return None
        patient = self._session.get_one(Patient, fetch.patient_id)
        studies = select(FilmRecord.study_uid).join(Study).where(Study.clinic_id == patient.clinic_id)
        mine = (Study.patient_id == patient.id) | (Study.merged_from_id == patient.id)
        return ClaimedFetch(
            job=fetch.id,
            token=fetch.claim,
            clinic_id=patient.clinic_id,
            patient_id=patient.id,
            patient=patient.key,
            facts=patient.facts,
            known_studies=frozenset(filter(None, self._session.scalars(studies.where(mine).distinct()))),
        )

    def finish(self, fetch: ClaimedFetch) -> None:
        """Keep that there is nothing more to fetch for a patient now."""
        held = self._held(fetch)
        if held is not None:
            held.state, held.error, held.due_at = DONE, "", self._now()

    def _queue_again(self, fetch: PriorFetch) -> None:
        now = self._now()
        fetch.state, fetch.claim, fetch.attempts, fetch.error = QUEUED, "", 0, ""
        fetch.created_at, fetch.due_at = now, now + _SETTLE
