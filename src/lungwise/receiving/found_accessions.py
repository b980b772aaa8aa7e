"""Accession numbers that the hospital's modality worklist gave: films get them that say none, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.jobs.accession_lookups import AccessionLookups, ClaimedLookup
from lungwise.orders.progress import OrderProgress
from lungwise.orders.scheduled_steps import LookupAnswer, StepMatch
from lungwise.store import Clock, keys_of
from lungwise.studies.answered_orders import AnsweredOrders
from lungwise.studies.header_index import accession_context, number_film
from lungwise.studies.models import FilmRecord, Study, StudyStatus
from lungwise.studies.report_changes import ReportChanges


class FoundAccessions:
    """Fills in what was found, in the transaction that ends the asking."""

    def __init__(self, session: Session, clock: Clock, changes: ReportChanges, audit: AuditTrail) -> None:
        self._session = session
        self._lookups = AccessionLookups(session, clock)
        self._progress = OrderProgress(session)
        self._answered = AnsweredOrders(session)
        self._changes = changes
        self._audit = audit

    def settle(self, node: Person, lookup: ClaimedLookup, match: StepMatch, source: str) -> LookupAnswer | None:
        """Keep what a worklist answered, and fill it in where that is safe; return the answer that is kept.

        None where the study was deleted meanwhile, or somebody else asks.
        """
        study = self._session.scalar(select(Study).where(Study.key == lookup.study).with_for_update())
        if study is None or not self._lookups.is_held(lookup):
            return None
        answer = match.answer
        if answer is LookupAnswer.FOUND:
            answer = self._fill_in(node, study, lookup.film.study_uid, match.accession)
        self._lookups.finish(lookup, answer, source)
        return answer

    def _fill_in(self, node: Person, study: Study, study_uid: str, accession: str) -> LookupAnswer:
        films = [film for film in study.films if film.study_uid == study_uid]
        if self._progress.of_others(study.clinic_id, study.patient_id, {accession}, {study_uid}):
            return LookupAnswer.OTHER_PATIENT
        if any(film.accession not in (None, "", accession) for film in films):
            return LookupAnswer.SEVERAL
        if self._is_taken(study, study_uid, accession):
            return LookupAnswer.TAKEN
        self._number(node, study, [film for film in films if not film.accession], accession)
        order = self._progress.asked_for(study.clinic_id, accession, "")
        if order is not None:
            self._answered.settle(order, study)
        return LookupAnswer.FOUND

    def _number(self, node: Person, study: Study, films: Sequence[FilmRecord], accession: str) -> None:
        for film in films:
            number_film(self._session, film, study.clinic_id, accession)
        self._session.flush()
        self._audit.record(node, Action.FILLED_IN_ACCESSION, Subject.STUDY, study.key)
        if study.status != StudyStatus.WAITING:  # whoever has its results gets them with the number
            self._changes.of_study(study)

    def _is_taken(self, study: Study, study_uid: str, accession: str) -> bool:
        """Return whether other films of the clinic than these have an accession number."""
        indexes = keys_of(self._session).indexes(accession_context(study.clinic_id), accession)
        others = (Study.clinic_id == study.clinic_id, FilmRecord.study_uid != study_uid)
        query = exists().where(FilmRecord.study_id == Study.id, FilmRecord.accession_index.in_(indexes), *others)
        return bool(self._session.scalar(select(query)))
