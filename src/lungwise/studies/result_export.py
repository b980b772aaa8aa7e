"""A clinic's test results as a table, which can be taken again."""

from __future__ import annotations

import csv
import io

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.inputs import harmless_cell
from lungwise.patients.service import Patient
from lungwise.studies.models import ReferenceResult, Study

_COLUMNS = ("study", "patient", "test", "result", "date", "reason", "entered by", "entered at")


class ResultExport:
    """Writes a clinic's test results."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def table(self, person: Person) -> str:
        """Write one row for each result, in the order in which they were entered."""
        person.need(Right.SEE_ALL)
        query = select(ReferenceResult, Study.key, Patient).join(Study, Study.id == ReferenceResult.study_id)
        query = query.join(Patient, Patient.id == Study.patient_id).where(Study.clinic_id == person.clinic_id)
        out = io.StringIO()
        rows = csv.writer(out)
        rows.writerow(_COLUMNS)
        for found, study, patient in self._session.execute(query.order_by(ReferenceResult.id)):
            rows.writerow(
                (
                    study,
                    harmless_cell(patient.identifier),
                    found.kind,
                    found.result,
                    found.tested_on or "",
                    found.reason or "",
                    harmless_cell(found.author_name),
                    found.created_at.isoformat(timespec="seconds"),
                )
            )
        return out.getvalue()
