"""A worklist as a CSV table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from lungwise.inputs import harmless_cell
from lungwise.studies.worklist import WorklistRow

_COLUMNS = ("study", "at", "identifier", "name", "sex", "birth date", "verdict", "probability", "conclusion", "PCR")


def worklist_csv(lines: Iterable[WorklistRow]) -> str:
    """Write one row for each study."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(_COLUMNS)
    for line in lines:
        study, patient = line.study, line.patient
        table.writerow(
            (
                study.key,
                study.created_at.isoformat(timespec="seconds"),
                harmless_cell(patient.identifier),
                harmless_cell(patient.name),
                patient.sex,
                patient.birth_date or "",
                study.status,
                f"{study.probability:.3f}",
                study.conclusion or "",
                study.pcr or "",
            )
        )
    return out.getvalue()
