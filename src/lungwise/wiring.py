"""Every service, made here once: for the pages, the API, DICOMweb, the DICOM node and the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from functools import cached_property, partial

from flask_babel import gettext
from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.accounts.administrators import Administrators
from lungwise.accounts.oidc.provider import Provider
from lungwise.accounts.oidc.service import ProvidedAccounts
from lungwise.accounts.outbox import Outbox
from lungwise.accounts.request_services import user
from lungwise.accounts.second_factor import is_fresh
from lungwise.accounts.service import Accounts, names_of
from lungwise.accounts.sessions import Sessions
from lungwise.accounts.throttle import Throttle
from lungwise.accounts.tokens import Tokens
from lungwise.audit.service import AuditTrail, TrailAccount
from lungwise.clinics.destinations import ClinicDestinations
from lungwise.clinics.service import Clinics, ClinicSettings
from lungwise.clinics.thresholds import Thresholds as ClinicThresholds
from lungwise.hl7.dispatch import Dispatch
from lungwise.hl7.inbox import Inbox
from lungwise.hl7.order_updates import OrderUpdates
from lungwise.hl7.patient_updates import PatientUpdates
from lungwise.jobs.accession_lookups import AccessionLookups
from lungwise.jobs.prior_fetches import PriorFetches
from lungwise.jobs.queue import Queue
from lungwise.jobs.reading_worker import ReadingWorker
from lungwise.jobs.unsent import Unsent
from lungwise.monitoring.aggregates import Aggregates
from lungwise.monitoring.alarms import Alarms
from lungwise.monitoring.answer_changes import AnswerWatch
from lungwise.monitoring.draft import of_model
from lungwise.monitoring.drift import Drift, Reference, reference_in_use
from lungwise.monitoring.local_films import ClinicFilms
from lungwise.monitoring.local_report import thresholds_of
from lungwise.monitoring.models_in_use import ModelsInUse
from lungwise.monitoring.shadow import Shadows
from lungwise.monitoring.statistics import ClinicStatistics
from lungwise.monitoring.steadiness import ClinicSteadiness
from lungwise.orders.scheduled import ScheduledOrders
from lungwise.orders.service import Orders
from lungwise.patients.service import IdentityRules, Patients
from lungwise.reading.artefact import Thresholds, shipped_card
from lungwise.reading.prevalence import PredictiveValue
from lungwise.receiving.found_accessions import FoundAccessions
from lungwise.receiving.photographs import Photographs
from lungwise.receiving.receive import Receive
from lungwise.receiving.receiver import FilmReceiver
from lungwise.receiving.recording import Recording
from lungwise.receiving.service import Uploads
from lungwise.receiving.uploads import Limits
from lungwise.reports.patient_export import PatientExport
from lungwise.reports.service import Reports
from lungwise.reports.study_archive import StudyArchive
from lungwise.settings import Settings
from lungwise.store import Clock, Database, FilmStore, utc_now
from lungwise.store.keys import Keys
from lungwise.studies.archive import Archive
from lungwise.studies.clock_check import ClockCheck
from lungwise.studies.headlines import Headlines
from lungwise.studies.order_changes import OrderChanges
from lungwise.studies.patient_studies import PatientStudies
from lungwise.studies.priors import Priors
from lungwise.studies.reference_results import ReferenceResults
from lungwise.studies.report_changes import ReportChanges
from lungwise.studies.result_export import ResultExport
from lungwise.studies.result_import import ResultImport
from lungwise.studies.retention import Keep, Retention
from lungwise.studies.sampling import Sampling
from lungwise.studies.service import Studies, Study
from lungwise.studies.thumbnails import Thumbnails
from lungwise.studies.weeks import correct_weeks
from lungwise.studies.worklist import Worklist
from lungwise.studies.worklist_details import WorklistDetails
from lungwise.webkit import transactions
from lungwise.webkit.current_person import is_known, person
from lungwise.webkit.idempotency import Idempotency


class Wiring:
    """What the services are made of, as long as the process lives."""

    def __init__(self, settings: Settings, store: FilmStore, clock: Clock = utc_now) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self._reference: Reference | None = None
        self.limits = Limits(
            films=settings.study_films,
            film_bytes=settings.film_megabytes << 20,
            total_bytes=settings.upload_megabytes << 20,
            keeps_objects=settings.other_objects == "keep",
            fetches_priors=bool(settings.priors_from),
            asks_worklist=bool(settings.worklist_from),
            account_films=settings.account_films,
            account_bytes=settings.account_gigabytes << 30,
        )
        self.identity_rules = IdentityRules.of(settings.own_issuers_list, settings.nobody_list)

    @property
    def reference(self) -> Reference:
        """How the model in use answered its validation films; read once."""
        self._reference = self._reference or reference_in_use()
        return self._reference

    def over(self, session: Session, address: str = "") -> Services:
        """Return the services over a session, for somebody who acts from a network address."""
        return Services(self, session, address)

    def audit(self, session: Session, address: str = "") -> AuditTrail:
        """Make the audit trail."""
        return AuditTrail(session, self.clock, address)

    def recording(self, session: Session, address: str = "") -> Recording:
        """Make what records films that are received."""
        return self.over(session, address).recording

    def found_accessions(self, session: Session) -> FoundAccessions:
        """Make what fills in accession numbers that a worklist gave."""
        return self.over(session).found_accessions

    def receive(
        self,
        database: Database,
        wake: Callable[[], None] = lambda: None,
        begin: Callable[[], None] = lambda: None,
        address: str = "",
    ) -> Receive:
        """Make what every way in does alike; see `Receive` for `wake` and `begin`."""
        return Receive(
            database=database,
            store=self.store,
            recording_over=self.recording,
            wake=wake,
            begin=begin,
            address=address,
        )


class Services:
    """The services over one session."""

    def __init__(self, wiring: Wiring, session: Session, address: str) -> None:
        self.settings, self.clock, self._session = wiring.settings, wiring.clock, session
        self.audit = wiring.audit(session, address)
        self._add_clinics()  # each of these from those before it
        self._add_patients(wiring)
        self._add_studies(wiring)
        self._add_receiving(wiring)
        self._add_monitoring(wiring)

    def _add_clinics(self) -> None:
        session, clock, settings, audit = self._session, self.clock, self.settings, self.audit
        self.clinics = Clinics(session, clock, settings, audit, partial(_move_weeks, session, clock))
        self.sessions = Sessions(session, clock, settings, audit)
        self.tokens = Tokens(session, clock, audit)
        self._destinations = ClinicDestinations(session, settings)
        self.outbox = Outbox(session, clock, enabled=bool(settings.smtp_host))
        self._make_accounts = partial(Accounts, session, clock, settings, audit)
        self._make_provided_accounts = partial(ProvidedAccounts, session, clock, settings, audit)

    def _add_patients(self, wiring: Wiring) -> None:
        session, clock, audit = self._session, self.clock, self.audit
        changes = ReportChanges(session, clock, self._destinations.systems)
        self.patients = Patients(
            session,
            clock,
            audit,
            wiring.identity_rules,
            changes.of_patient,
            self.zone_of,
            self._remove_priors,
            self._ask_others_anew,
        )
        self.priors = Priors(session, wiring.store, self.patients.records)
        self.orders = Orders(session, clock, self.patients, audit, OrderChanges(session, changes).placed)
        self.scheduled_orders = ScheduledOrders(session, self.patients, audit)
        self.found_accessions = FoundAccessions(session, clock, changes, audit)

    def _add_studies(self, wiring: Wiring) -> None:
        session, clock, audit, patients = self._session, self.clock, self.audit, self.patients
        self.studies = Studies(session, clock, wiring.store, patients, audit, self._destinations.systems)
        self.patient_studies = PatientStudies(session, patients, self.studies)
        self.reference_results = ReferenceResults(session, clock, self.studies, audit, self.zone_of)
        self.result_export = ResultExport(session)
        self.thumbnails = Thumbnails(session)
        self.worklist = Worklist(session, patients)
        self.worklist_details = WorklistDetails(session, partial(names_of, session))
        self.clock_check = ClockCheck(session, clock)
        self.archive = Archive(session, patients)
        self.unsent = Unsent(session, clock, self.settings.destinations)
        keep = self._study_archive(wiring.store.keys)
        self.retention = Retention(
            session, clock, self.studies, patients, audit, self.clinics.settings_of, keep, self.priors
        )

    def _add_receiving(self, wiring: Wiring) -> None:
        session, clock, audit, patients = self._session, self.clock, self.audit, self.patients
        updates = PatientUpdates(patients, self.patient_studies)
        dispatch = Dispatch(wiring.identity_rules, updates, OrderUpdates(self.orders, patients, updates), self.zone_of)
        self.inbox = Inbox(session, clock, audit, dispatch.apply, dispatch.patient, self.settings.hl7_character_set)
        self.recording = Recording(
            session, clock, wiring.store, wiring.limits, self.studies, patients, audit, self.zone_of
        )
        self.held = self.recording.held

    def _add_monitoring(self, wiring: Wiring) -> None:
        session, clock, audit, settings = self._session, self.clock, self.audit, self.settings
        in_force = self.thresholds_in_force
        self.thresholds = ClinicThresholds(session, clock, audit, shipped_card, Administrators(session, audit))
        self.clinic_films = ClinicFilms(session, settings.result_days, self._result_days, self.zone_of)
        self.alarms = Alarms(
            session, clock, audit, self.clinic_films, in_force, calls_webhook=bool(settings.webhook_url)
        )
        self.statistics = ClinicStatistics(session, clock, self._result_days, self.zone_of)
        self.aggregates = Aggregates(session, clock, self.zone_of)
        self.models_in_use = ModelsInUse(session, clock, audit, self.clinics)
        self.shadows = Shadows(session, self.clinic_films, in_force)
        self.drift = Drift(session, clock, wiring.reference, self.zone_of)
        self.answer_watch = AnswerWatch(session, self.drift)
        self.steadiness = ClinicSteadiness(session, clock, self.zone_of)

    def _study_archive(self, keys: Keys) -> Keep | None:
        """Return what archives a study; None where there is no folder for it."""
        folder = self.settings.archive_folder
        if folder is None:
            return None

        def keep(person: Person, key: str) -> None:
            clinics = {clinic.id: clinic.name for clinic in self.clinics.all()}
            reports = Reports(self.studies, str, self.settings, self.clinics.settings_of(person.clinic_id))
            export = PatientExport(self.studies, self.patients, self.priors, reports, self.clock, str)
            StudyArchive(folder, keys, export).keep(person, key, clinics[person.clinic_id])

        return keep

    def _remove_priors(self, records: Sequence[int]) -> None:
        self.priors.delete_of(records)

    def _ask_others_anew(self, record: int) -> None:
        """Forget what other systems gave for a patient's identifier, which was wrong, and ask for the right one."""
        self.priors.delete_of([record])
        PriorFetches(self._session, self.clock).ask_anew(record)
        AccessionLookups(self._session, self.clock).ask_anew(record)

    def zone_of(self, clinic_id: int) -> tzinfo:
        """Return the time zone of a clinic."""
        return self.clinics.settings_of(clinic_id).zone

    def _result_days(self, clinic_id: int) -> int:
        return self.clinics.settings_of(clinic_id).result_days

    def thresholds_in_force(self, clinic_id: int, finding: str) -> Thresholds:
        """Return the thresholds of a finding in a clinic, of the probability that the model gives."""
        own = self.thresholds.in_force(clinic_id)
        return of_model(finding, thresholds_of(shipped_card(), finding), own)

    @cached_property
    def accounts(self) -> Accounts:
        """The accounts; made when they are needed, because they read the secret key or create it."""
        return self._make_accounts()

    @cached_property
    def provided_accounts(self) -> ProvidedAccounts:
        """The accounts of those whom the identity provider knows."""
        return self._make_provided_accounts(self.accounts)


def _move_weeks(session: Session, clock: Clock, clinic_id: int, zone: tzinfo) -> None:
    correct_weeks(session, clinic_id, zone, clock())


class WebWiring(Wiring):
    """What the services of a request are made of."""

    def __init__(
        self, settings: Settings, store: FilmStore, clock: Clock, database: Database, worker: ReadingWorker
    ) -> None:
        super().__init__(settings, store, clock)
        self.database = database
        self.worker = worker
        self.provider = Provider(settings, clock) if settings.oidc_issuer else None

    def over(self, session: Session, address: str = "") -> WebServices:
        """Return the services over a session, for somebody who acts from a network address."""
        return WebServices(self, session, address)


class WebServices(Services):
    """The services over one session, and what only a request uses."""

    def __init__(self, wiring: WebWiring, session: Session, address: str) -> None:
        super().__init__(wiring, session, address)
        settings, clock, wake = wiring.settings, wiring.clock, wiring.worker.wake
        self._wiring = wiring
        self.provider = wiring.provider
        self.throttle = Throttle(wiring.database, session, clock, settings, wiring.audit, address)
        self.idempotency = Idempotency(session, clock)
        self.queue = Queue(session, clock, self.audit, wake)
        self.photographs = Photographs(session, clock, self.studies, self.thumbnails, self.audit, wake)
        self._receive = wiring.receive(wiring.database, wake, transactions.end_early, address)
        self.uploads = Uploads(self._receive, wiring.limits)

    @cached_property
    def clinic_settings(self) -> ClinicSettings:
        """How the clinic is set for which the request is made; for nobody's, how the installation is."""
        return self.clinics.settings_of(person().clinic_id if is_known() else 0)

    @cached_property
    def result_import(self) -> ResultImport:
        """Takes tables of test results."""
        chosen, known_by = self.clinic_settings, self.patients.known_by
        days, zone = chosen.result_days, chosen.zone
        return ResultImport(self._session, self.studies, self.reference_results, known_by, days, zone)

    @cached_property
    def sampling(self) -> Sampling:
        """Says which of the clinic's studies are drawn for a check."""
        chosen = self.clinic_settings
        return Sampling(self._session, self.clock, chosen.sampled, chosen.result_days)

    @cached_property
    def worth(self) -> PredictiveValue:
        """What a verdict is worth at the clinic's prevalence."""
        return PredictiveValue(shipped_card(), self.clinic_settings.prevalence)

    @cached_property
    def headlines(self) -> Headlines:
        """Writes the headlines of films and studies."""
        return Headlines(gettext, self.worth)

    @cached_property
    def reports(self) -> Reports:
        """Makes the reports of the clinic's studies."""
        return Reports(self.studies, gettext, self.settings, self.clinic_settings)

    @cached_property
    def patient_export(self) -> PatientExport:
        """Writes all that is kept about a patient."""
        return PatientExport(self.studies, self.patients, self.priors, self.reports, self.clock, gettext)

    @cached_property
    def waiting_accounts(self) -> int:
        """How many people wait for an account in an administrator's clinic."""
        return self.accounts.count_waiting(person())

    @property
    def is_confirmed(self) -> bool:
        """Whether the person has entered their password, or a code, a short while ago."""
        return is_fresh()

    @property
    def clinic(self) -> str:
        """The name of the clinic of the account that is signed in."""
        return user().clinic.name

    @contextmanager
    def worklist_at_one_moment(self) -> Iterator[Worklist]:
        """Open the worklist as it is now, whatever others do meanwhile: for what walks over its pages."""
        with self._wiring.database.snapshot() as session:
            yield self._wiring.over(session).worklist

    def receiver(self, person: Person) -> FilmReceiver:
        """Make what takes DICOM films in a person's name."""
        return FilmReceiver(self._receive, person)

    def wait_for_readings(self, study_id: int, seconds: float) -> bool:
        """Wait until a study is read, for so many seconds at most. No transaction is held meanwhile."""
        transactions.undo()
        return self._wiring.worker.wait(study_id, seconds)

    def films_before(self, study: Study) -> int:
        """Count the new films that will be read before a study's."""
        return self.queue.before(study)

    def count_held_films(self, person: Person) -> int:
        """Count the films that a clinic keeps aside."""
        return self.held.count(person)

    def report_guesses(self) -> None:
        """Write into the audit trail what was counted of guesses since it last was."""
        self.throttle.report()

    def trail_accounts(self, person: Person) -> list[TrailAccount]:
        """List every account that a person's clinic has or had, for the audit trail."""
        return [
            TrailAccount(id=one.id, key=one.key, email="" if one.deleted_at else one.email, name=one.name)
            for one in self.accounts.ever(person)
        ]
