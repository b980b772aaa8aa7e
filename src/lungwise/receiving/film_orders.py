"""Films find their order: by its accession number, or by the Study Instance UID that the worklist gave out."""

from __future__ import annotations

import logging

from sqlalchemy.orm import Session

from lungwise.films.dicom.header import DicomHeader
from lungwise.orders.progress import OrderProgress
from lungwise.studies.models import FilmRecord, Study

_log = logging.getLogger("lungwise.studies")


class FilmOrders:
    """Tells orders of the films that are recorded."""

    def __init__(self, session: Session) -> None:
        self._progress = OrderProgress(session)

    def answer(self, study: Study, film: FilmRecord, header: DicomHeader) -> None:
        """Let a film of a study answer the order that its header names, if that is of the same patient.

        A film that names another patient's order answers none; the log says so.
        """
        named = film.accession or (header.requested.accession_number.strip() if header.requested else "")
        order = self._progress.asked_for(study.clinic_id, named, header.study_uid)
        if order is None:
            return
        if order.patient_id != study.patient_id:
            _log.warning("A film of study %s names an order of another patient: %s.", study.key, order.key)
            return
        self._progress.begin(order, study.key)
        if not film.accession:
            film.accession = order.accession
