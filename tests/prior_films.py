"""Earlier films of patients, as if an archive had given them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from dicom_files import dicom_file
from lungwise.studies.prior_models import PriorFilm
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lungwise.patients.service import Patient
    from lungwise.store import Clock, FilmStore


def add_prior(session: Session, store: FilmStore, clock: Clock, patient: Patient, number: int = 1) -> PriorFilm:
    """Keep an earlier film of a patient: each number is another one, a month earlier than the one before."""
    key, data = f"prior{number}x{patient.id}", dicom_file(chest_bytes(seed=number))
    prior = PriorFilm(
        key=key,
        clinic_id=patient.clinic_id,
        study_uid="1.2",
        series_uid="1.2.1",
        instance_uid=f"1.2.{number}.{patient.id}",
        sha256=store.put(key, data),
        digest="0" * 64,
        size=len(data),
        sender="ARCHIVE",
        created_at=clock(),
        patient_id=patient.id,
        taken_on=date(2025, 12, 1) - timedelta(days=30 * number),
    )
    session.add(prior)
    session.flush()
    return prior
