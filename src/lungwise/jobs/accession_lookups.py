"""The queue of films whose accession number is asked of the hospital's modality worklist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.films.dicom.json_model import value
from lungwise.jobs.node_queue import NodeQueue, may_claim
from lungwise.orders.scheduled_steps import LookupAnswer, UnnumberedFilm
from lungwise.patients.service import Patient
from lungwise.store import Clock
from lungwise.store.lease_queue import FAILED, QUEUED, Lease, LeaseStatements
from lungwise.studies.header_index import ACCESSION_NUMBER, attributes_of, number_film
from lungwise.studies.lookup_models import ANSWERED, AccessionLookup
from lungwise.studies.models import FilmRecord, Study

_LEASE = timedelta(minutes=5)
_CLINIC = select(Study.clinic_id).where(Study.id == AccessionLookup.study_id).scalar_subquery()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedLookup(Lease):
    """One claimed study of films without an accession number; `is_clear` says that it is sure whose they are."""

    clinic_id: int
    study: str
    film: UnnumberedFilm
    is_clear: bool


class AccessionLookups(NodeQueue[AccessionLookup]):
    """The queue of films whose accession number is wanted. A worklist that is away is asked for some hours."""

    statements = LeaseStatements(AccessionLookup, always=[may_claim(AccessionLookup, _CLINIC)])
    max_attempts = 10

    def __init__(self, session: Session, clock: Clock, clinic_id: int | None = None) -> None:
        super().__init__(session, clock, _LEASE, clinic_id)

    def queue(self, study: Study, film: FilmRecord) -> None:
        """Ask for a new film's accession number, or take that which was found for the other films of its study."""
        lookup = self._of(study, film.study_uid or "")
        if lookup is None:
            now, uid = self._now(), film.study_uid or ""
            lookup = AccessionLookup(
                study_id=study.id, study_uid=uid, taken_on=film.taken_on, created_at=now, due_at=now
            )
            self._session.add(lookup)
        elif lookup.answer == LookupAnswer.FOUND and (number := self._number(study, film.study_uid or "")):
            number_film(self._session, film, study.clinic_id, number)
        elif lookup.state == FAILED or lookup.answer == LookupAnswer.FOUND:
            self._queue_again(lookup)

    def ask_anew(self, record_id: int) -> None:
        """Ask once more for the films of a patient's record whose identifier was wrong, and forget what that found."""
        its = (Study.merged_from_id == record_id) | (Study.merged_from_id.is_(None) & (Study.patient_id == record_id))
        query = select(AccessionLookup).join(Study, Study.id == AccessionLookup.study_id).where(its)
        for lookup in self._session.scalars(query.with_for_update()).all():
            if lookup.answer == LookupAnswer.FOUND:
                self._forget_number(lookup)
            self._queue_again(lookup)
        self._session.flush()

    def claim(self) -> ClaimedLookup | None:
        """Claim the films that have waited for longest."""
        lookup = self._claim_next()
        if lookup is None:
            return None
        study = self._session.get_one(Study, lookup.study_id)
        patient = self._session.get_one(Patient, study.merged_from_id or study.patient_id)
        return ClaimedLookup(
            job=lookup.id,
            token=lookup.claim,
            clinic_id=study.clinic_id,
            study=study.key,
            film=UnnumberedFilm(study_uid=lookup.study_uid, taken_on=lookup.taken_on, patient=patient.facts),
            is_clear=not patient.is_unclear,
        )

    def finish(self, lookup: ClaimedLookup, answer: LookupAnswer | None, source: str) -> None:
        """Keep what a worklist answered; None where it was not asked."""
        held = self._held(lookup)
        if held is not None:
            held.state, held.error, held.due_at = ANSWERED, "", self._now()
            held.answer, held.source = answer or "", source[:16]

    def is_held(self, lookup: ClaimedLookup) -> bool:
        """Return whether nobody else has claimed the films meanwhile, and lock them."""
        return self._held(lookup) is not None

    def _queue_again(self, lookup: AccessionLookup) -> None:
        lookup.state, lookup.claim, lookup.attempts, lookup.error, lookup.answer = QUEUED, "", 0, "", ""
        lookup.due_at = self._now()

    def _forget_number(self, lookup: AccessionLookup) -> None:
        """Take the number from those films whose own headers do not say it."""
        study = self._session.get_one(Study, lookup.study_id)
        for film in study.films:
            if film.study_uid == lookup.study_uid and not value(attributes_of(film) or {}, ACCESSION_NUMBER):
                number_film(self._session, film, study.clinic_id, "")

    def _of(self, study: Study, study_uid: str) -> AccessionLookup | None:
        mine = (AccessionLookup.study_id == study.id, AccessionLookup.study_uid == study_uid)
        return self._session.scalar(select(AccessionLookup).where(*mine).with_for_update())

    def _number(self, study: Study, study_uid: str) -> str:
        """Return the accession number of a study's films, where all that have one have the same."""
        its = (FilmRecord.study_id == study.id, FilmRecord.study_uid == study_uid)
        films = self._session.scalars(select(FilmRecord).where(*its, FilmRecord.accession_index != ""))
        found = {film.accession for film in films}
        return found.pop() or "" if len(found) == 1 else ""
