"""Films find their order: by its accession number, or by the Study Instance UID that the worklist gave out.

Of a film that finds none and says no accession number, the hospital's modality worklist may be asked.
"""

from __future__ import annotations

import logging

from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.films.dicom.header import DicomHeader, kept_number
from lungwise.jobs.accession_lookups import AccessionLookups
from lungwise.orders.progress import OrderProgress, asked_among
from lungwise.orders.scheduled_steps import is_exact
from lungwise.orders.service import Order
from lungwise.patients.service import Patient
from lungwise.store import Clock
from lungwise.studies.answered_orders import AnsweredOrders
from lungwise.studies.models import FilmRecord, Study

_log = logging.getLogger("lungwise.studies")


class FilmOrders:
    """Tells orders of the films that are recorded.

    Parameters
    ----------
    asks_worklist
        Whether the hospital's modality worklist is asked for the accession number of a film that says none.
    """

    def __init__(self, session: Session, clock: Clock, audit: AuditTrail, *, asks_worklist: bool = False) -> None:
        self._session = session
        self._progress = OrderProgress(session)
        self._answered = AnsweredOrders(session)
        self._audit = audit
        self._lookups = AccessionLookups(session, clock) if asks_worklist else None

    def number(self, person: Person, study: Study, film: FilmRecord, header: DicomHeader) -> None:
        """Let a film answer its order; where it says no accession number, the hospital may know one."""
        self.answer(person, study, film, header)
        if self._lookups is None or film.accession:
            return
        patient = self._session.get_one(Patient, study.merged_from_id or study.patient_id)
        if is_exact(patient.identifier) and not patient.is_unclear:
            self._lookups.queue(study, film)

    def answer(self, person: Person, study: Study, film: FilmRecord, header: DicomHeader) -> None:
        """Let a film of a study answer the order that its header names, if that is of the same patient.

        A film that names another patient's order does not answer that one; the audit trail says so, and the study's
        page as long as it is so. One that names an order which another study answers keeps its number, and leaves the
        order there.
        """
        named = film.accession or (kept_number(header.requested.accession_number) if header.requested else "")
        if named and not film.accession:
            film.accession = named
        orders = self._progress.named(study.clinic_id, {named} - {""}, {header.study_uid} - {""})
        for order in orders:
            if order.patient_id != study.patient_id:
                self._report(person, study, order)
        asked = asked_among(orders, named, header.study_uid)
        if asked is None or asked.patient_id != study.patient_id:
            return
        self._answered.answer(asked, study)
        if not film.accession:
            film.accession = asked.accession

    def _report(self, person: Person, study: Study, order: Order) -> None:
        """Write into the trails of both that a film of a study names an order of another patient."""
        _log.warning("A film of study %s names an order of another patient: %s.", study.key, order.key)
        self._audit.record(person, Action.NAMED_OTHER_ORDER, Subject.STUDY, study.key)
        self._audit.record(person, Action.NAMED_OTHER_ORDER, Subject.ORDER, order.key)
