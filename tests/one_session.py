"""Studies whose films are saved in a test's own transaction."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.audit.service import AuditTrail
from lungwise.patients.service import PatientFacts, Patients
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.recording import Recording
from lungwise.receiving.uploads import Files, Limits, unpack
from lungwise.store import Clock, FilmStore, new_key
from lungwise.studies.clinical_details import NO_DETAILS, ClinicalDetails
from lungwise.studies.service import Studies, Study


class StudiesInOneSession(Studies):
    """Studies whose films are saved in the transaction of a test, which commits when it likes."""

    def __init__(self, session: Session, clock: Clock, store: FilmStore, patients: Patients, audit: AuditTrail) -> None:
        super().__init__(session, clock, store, patients, audit)
        limits = Limits(films=50, film_bytes=60 << 20, total_bytes=300 << 20)
        self.recording = Recording(session, clock, store, limits, self, patients, audit, lambda _clinic: UTC)

    def open(self, person: Person, facts: PatientFacts, files: Files, details: ClinicalDetails = NO_DETAILS) -> Study:
        """Save a new study with its films."""
        uploads = unpack(files, self.recording.limits).films
        key = new_key()
        self.recording.agreed_facts(facts, uploads)
        study = self.recording.record(person, key, facts, FilmFiles(self._store).put(key, uploads))
        study.clinical = details
        self._session.flush()
        return study

    def add_films(self, person: Person, key: str, files: Files) -> Study:
        """Save further films of a study."""
        uploads = unpack(files, self.recording.limits).films
        self.recording.admit(person, key, uploads)
        return self.recording.record_more(person, key, FilmFiles(self._store).put(key, uploads))
