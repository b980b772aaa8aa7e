"""Every service over a session, wired here once: for the pages, the API, the DICOM node and the command line."""

from __future__ import annotations

from sqlalchemy.orm import Session

from lungwise.accounts.service import Accounts
from lungwise.accounts.tokens import Tokens
from lungwise.audit.service import AuditTrail
from lungwise.patients.service import IdentityRules, Patients
from lungwise.receiving.recording import Recording
from lungwise.receiving.uploads import Limits
from lungwise.settings import Settings
from lungwise.store import Clock, FilmStore, utc_now
from lungwise.studies.patient_studies import PatientStudies
from lungwise.studies.service import Studies


class Wiring:
    """Makes the services over a session, for somebody who acts from a network address."""

    def __init__(self, settings: Settings, store: FilmStore, clock: Clock = utc_now) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.limits = Limits(
            films=settings.study_films,
            film_bytes=settings.film_megabytes << 20,
            total_bytes=settings.upload_megabytes << 20,
            keeps_objects=settings.other_objects == "keep",
        )
        self._rules = IdentityRules.of(settings.own_issuers_list, settings.nobody_list)

    def audit(self, session: Session, address: str = "") -> AuditTrail:
        """Make the audit trail."""
        return AuditTrail(session, self.clock, address)

    def accounts(self, session: Session, address: str = "") -> Accounts:
        """Make the accounts."""
        return Accounts(session, self.clock, self.settings, self.audit(session, address))

    def tokens(self, session: Session, address: str = "") -> Tokens:
        """Make the tokens of programs."""
        return Tokens(session, self.clock, self.audit(session, address))

    def patients(self, session: Session, address: str = "") -> Patients:
        """Make the patients."""
        return Patients(session, self.clock, self.audit(session, address), self._rules)

    def studies(self, session: Session, address: str = "") -> Studies:
        """Make the studies."""
        audit = self.audit(session, address)
        return Studies(session, self.clock, self.store, self.patients(session, address), audit)

    def patient_studies(self, session: Session, address: str = "") -> PatientStudies:
        """Make the studies of patients."""
        return PatientStudies(session, self.patients(session, address), self.studies(session, address))

    def recording(self, session: Session, address: str = "") -> Recording:
        """Make what records films that are received."""
        studies, patients = self.studies(session, address), self.patients(session, address)
        audit = self.audit(session, address)
        return Recording(session, self.clock, self.store, self.limits, studies, patients, audit)
