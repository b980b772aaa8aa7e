"""What every command over an installation needs first: its database and its services."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.accounts.service import User
from lungwise.audit.exporter import AuditExporter
from lungwise.cli.progress import progress
from lungwise.cli.settings import read_settings
from lungwise.cli.start_errors import named_files, said_in_a_sentence
from lungwise.clinics.destinations import ClinicDestinations
from lungwise.errors import Rejected
from lungwise.jobs.deliveries import ClaimedDelivery
from lungwise.jobs.mail_sender import MailSender
from lungwise.jobs.reading_worker import FilmReader
from lungwise.languages import words_of
from lungwise.monitoring.watch_worker import AlarmCaller, WeeklyWatch
from lungwise.reading.artefact import Artefact, shipped_card
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reports.outgoing import ReportDestination, ReportMessage
from lungwise.reports.report_sender import ReportSender
from lungwise.reports.service import Reports
from lungwise.reports.withdrawal_sender import WithdrawalSender
from lungwise.settings import Settings
from lungwise.store import Database, EncryptionError, FilmStore, check_keys, utc_now
from lungwise.store.migrations import is_current, newer_schema
from lungwise.store.rotation import encrypt_plain_films
from lungwise.store.secret_key import SecretKeyError, check_secret_key
from lungwise.store.sqlite import WAIT_SECONDS
from lungwise.store.way_back import note_finished
from lungwise.studies.earlier_recipients import note_earlier_recipients
from lungwise.wiring import Services, Wiring

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from lungwise.dicom.send import Sender


_NEWER = (
    "A later release of Lungwise has upgraded this database (schema %s). Install that release again, or let it go back "
    "with: lungwise db go-back"
)
_log = logging.getLogger("lungwise.cli")

_TURN_SECONDS = 0.0005


def take_turns() -> None:
    """Let the threads of a server change more often than Python's five milliseconds.

    A page asks the database a dozen times. After each answer it waits until another thread, busy with a report or a
    picture, lets go of the interpreter: at five milliseconds that was most of its time.
    """
    sys.setswitchinterval(_TURN_SECONDS)


def note_model(database: Database, settings: Settings) -> None:
    """Keep which model reads from now on, and in every clinic's audit trail that it is another.

    Whatever process reads does so before its first film: servers, the node, workers, and `lungwise jobs`.
    """
    services = partial(CommandServices, settings=settings)
    database.transact(lambda session: services(session).models_in_use.note())


def warn_of_unknown_clinics(database: Database, settings: Settings) -> None:
    """Say in the log which clinics of `clinic_destinations` there are not: a clinic of another name sends nothing."""
    if not settings.clinic_destinations:
        return
    with database.reading() as session:
        known = {clinic.name for clinic in CommandServices(session, settings).accounts.clinics()}
    for name in settings.clinic_destinations.keys() - known:
        _log.warning("clinic_destinations names %s, and there is no such clinic. See: lungwise clinics list", name)


def make_reader(streams: int | None = None) -> FilmReader:
    """Load the shipped model, for so many films at a time on one core each, or for one on all cores.

    Called once, by the first thread that reads.
    """
    from lungwise.reading import Reader

    reader: FilmReader = Reader(streams=streams)
    return reader


def make_shadow_reader(artefact: Artefact) -> FilmReader:
    """Load a second model, for one film at a time on one core."""
    from lungwise.reading import Reader

    reader: FilmReader = Reader(artefact, streams=1)
    return reader


@contextmanager
def open_database(
    settings: Settings, *, current: bool = True, any_secret: bool = False, wait_seconds: float = WAIT_SECONDS
) -> Iterator[Database]:
    """Open the database, or say why it cannot be used; `any_secret` allows another secret key than its own.

    SQLite is given up after `wait_seconds` if another program keeps it locked.
    """
    with said_in_a_sentence(settings):
        database = Database(settings, wait_seconds=wait_seconds)
    try:
        if newer := newer_schema(database.engine):
            raise click.ClickException(_NEWER % newer)
        if current and not is_current(database.engine):
            raise click.ClickException("The database does not have this release's schema. Run: lungwise db upgrade")
        if current:
            note_finished(settings)
            check_keys(database)
        if current and not any_secret:
            check_secret_key(database, settings)
        with named_files(settings):
            yield database
    except (EncryptionError, SecretKeyError) as error:
        raise click.ClickException(str(error)) from error
    except SQLAlchemyError:
        with said_in_a_sentence(settings):
            raise
    finally:
        database.close()


def encrypt_films_of_earlier_releases(database: Database, store: FilmStore) -> None:
    """Encrypt films from before there were keys; a killed run resumes where it was."""
    with progress() as report:
        for done, _film in enumerate(encrypt_plain_films(database, store), start=1):
            report("Encrypting films", done, done)


def note_recipients_of_earlier_releases(database: Database, settings: Settings) -> None:
    """Note who has reports that a release sent which noted nobody; a killed run resumes where it was."""
    wiring, done = Wiring(settings, FilmStore(settings)), 0
    with progress() as report:
        for count in note_earlier_recipients(database, lambda session: wiring.over(session).studies):
            done += count
            report("Noting who has reports", done, done)


def operator_of(clinic_id: int) -> Person:
    """Return the person who acts for a clinic at the command line, with an administrator's rights."""
    return Person(None, "command line", clinic_id, Role.ADMINISTRATOR)


def make_sender(database: Database, settings: Settings) -> Sender:
    """Make the sender of results to the archives, as the installation's node."""
    from lungwise.dicom.archives import Archives
    from lungwise.dicom.send import Sender
    from lungwise.results.film_results import FilmResults  # here: highdicom is slow to load, and not always needed

    wiring = Wiring(settings, FilmStore(settings))

    def objects(session: Session, delivery: ClaimedDelivery) -> list[Dataset]:
        services = wiring.over(session)
        clinics = {clinic.id: clinic.name for clinic in services.clinics.all()}
        clinic = services.clinics.settings_of(delivery.clinic_id)
        node = Person(None, settings.node_ae_title, delivery.clinic_id, Role.NODE)
        studies = services.studies
        films = [film for film in studies.get(node, delivery.study).films if film.kind == "DICOM"]
        reports = Reports(studies, words_of(clinic.language or settings.language), settings, clinic)
        return FilmResults(studies, reports, clinics[delivery.clinic_id], clinic.zone).of(node, films)

    return Sender(database, utc_now, objects, Archives(settings))


def make_report_sender(database: Database, settings: Settings) -> ReportSender | None:
    """Make the sender of reports to systems that are no archives; None if there are none."""
    if not settings.all_report_to:
        return None
    systems = _ReportSystems(settings)
    wiring = Wiring(settings, FilmStore(settings))

    def message(session: Session, delivery: ClaimedDelivery) -> ReportMessage:
        services = wiring.over(session)
        clinics = {clinic.id: clinic.name for clinic in services.clinics.all()}
        clinic = services.clinics.settings_of(delivery.clinic_id)
        words = words_of(clinic.language or settings.language)
        node = Person(None, settings.node_ae_title, delivery.clinic_id, Role.NODE)
        report = Reports(services.studies, words, settings, clinic).of(node, delivery.study, clinics[node.clinic_id])
        return ReportMessage(
            version=report.study.report_version,
            report=report,
            words=words,
            studies=services.studies,
            worth=PredictiveValue(shipped_card(), clinic.prevalence),
            orders=services.orders.of_study(node, delivery.study),
        )

    return ReportSender(database, utc_now, message, settings.all_report_to, systems, settings.node_ae_title)


def make_withdrawal_sender(database: Database, settings: Settings) -> WithdrawalSender | None:
    """Make the sender of withdrawals to systems that are no archives; None if there are none."""
    if not settings.all_report_to:
        return None
    wiring = Wiring(settings, FilmStore(settings))

    def clinic_name(session: Session, clinic_id: int) -> str:
        return next(clinic.name for clinic in wiring.over(session).clinics.all() if clinic.id == clinic_id)

    systems, title = _ReportSystems(settings), settings.node_ae_title
    return WithdrawalSender(database, utc_now, clinic_name, settings.all_report_to, systems.of, title)


def report_senders(database: Database, settings: Settings) -> Iterator[ReportSender | WithdrawalSender]:
    """Make what sends to systems that are no archives, if there are any."""
    yield from filter(None, (make_report_sender(database, settings), make_withdrawal_sender(database, settings)))


class _ReportSystems:
    """The systems that get reports, those of each clinic made once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[int, tuple[Settings, dict[str, ReportDestination]]] = {}

    def of(self, session: Session, clinic_id: int, name: str) -> ReportDestination | None:
        """Return a clinic's system of a kind; None where it has none."""
        own = ClinicDestinations(session, self._settings).settings_of(clinic_id)
        made = self._made.get(clinic_id)
        if made is None or made[0] != own:
            made = self._made[clinic_id] = own, {one.name: one for one in _report_destinations(own)}
        return made[1].get(name)

    def clinics(self, session: Session, delivery: ClaimedDelivery) -> Collection[int] | None:
        """Return the clinics whose reports go to the same system; None for all."""
        return ClinicDestinations(session, self._settings).who_share(delivery.destination, delivery.clinic_id)


def _report_destinations(settings: Settings) -> Iterator[ReportDestination]:
    if settings.report_webhook_url:
        from lungwise.outgoing.webhook import ReportWebhook  # here: the API is slow to load

        yield ReportWebhook(settings, utc_now)
    if settings.fhir_url:
        from lungwise.outgoing.fhir_server import FhirServer  # here: its library is slow to load

        yield FhirServer(settings)
    if settings.hl7_results_to:
        from lungwise.hl7.result_sender import Hl7Results

        yield Hl7Results(settings, utc_now)


def make_mail_sender(database: Database, settings: Settings) -> MailSender | None:
    """Make the sender of waiting mails; None if there is no mail server."""
    if not settings.smtp_host:
        return None
    if not settings.public_url:
        _log.warning("The setting public_url is not set: no mail holds a link, and administrators hand them over.")
    return MailSender(database, settings, utc_now, words_of)


def make_audit_exporter(database: Database, settings: Settings) -> AuditExporter | None:
    """Make what sends the audit trail to a syslog server; None if there is none."""
    return AuditExporter(database, settings, utc_now) if settings.audit_syslog else None


def make_watch(database: Database, settings: Settings) -> list[WeeklyWatch | AlarmCaller]:
    """Make what watches over the model in every clinic, and what calls the webhook where there is one."""
    watch = WeeklyWatch(database, utc_now, Wiring(settings, FilmStore(settings)).over)
    return [watch, AlarmCaller(database, settings, utc_now)] if settings.webhook_url else [watch]


class CommandServices(Services):
    """The services of a command, over one session."""

    def __init__(self, session: Session, settings: Settings) -> None:
        super().__init__(Wiring(settings, FilmStore(settings)), session, "command line")
        self.session = session

    def account(self, email: str) -> User:
        """Return an account, or say that there is none."""
        user = self.accounts.by_email(email)
        if user is None:
            raise click.ClickException(f"There is no account {email}. See: lungwise users list")
        return user

    def clinic_named(self, name: str | None) -> tuple[str, int]:
        """Return the name and the number of a clinic, of the only one where none is named; or say which there are."""
        clinics = {one.name: one.id for one in self.clinics.all()}
        chosen = name or (next(iter(clinics)) if len(clinics) == 1 else "")
        if chosen in clinics:
            return chosen, clinics[chosen]
        known = ", ".join(clinics) or "(none yet)"
        what = f"There is no clinic {chosen}." if chosen else "Name one with --clinic."
        raise click.ClickException(f"{what} There are: {known}")


@contextmanager
def services_over(database: Database, settings: Settings, *, writes: bool) -> Iterator[CommandServices]:
    """Yield services in one transaction, which is committed at the end; a rejection is one line for people."""
    with database.writing() if writes else database.reading() as session:
        try:
            yield CommandServices(session, settings)
        except Rejected as rejection:
            raise click.ClickException(str(rejection)) from rejection


@contextmanager
def open_services(*, writes: bool, any_secret: bool = False) -> Iterator[CommandServices]:
    """Open the installation's database and yield services over it, in one transaction."""
    settings = read_settings()
    with (
        open_database(settings, any_secret=any_secret) as database,
        services_over(database, settings, writes=writes) as services,
    ):
        yield services
