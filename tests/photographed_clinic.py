"""What the demonstration lacks, so that every page can be photographed: people, films and orders of each kind."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

from flask_security.recoverable import generate_reset_password_token
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

import synthetic
from dated_films import dated_film
from hl7_peer import openmrs, pid
from lungwise.access import Person, Role
from lungwise.accounts.models import User
from lungwise.accounts.second_factor_keys import SecondFactorKeys
from lungwise.accounts.service import Accounts, Applicant
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.cli import demo
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.clinics.clinic_settings import RetentionMode
from lungwise.errors import Rejected
from lungwise.hl7.message import parse_message
from lungwise.monitoring.models_in_use import current_model
from lungwise.orders.order import OrderRequest, OrderUrgency, OrderWay, PlacerNumber, Procedure
from lungwise.orders.service import Orders
from lungwise.patients.service import PatientFacts, Patients
from lungwise.receiving.duplicates import Difference
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.uploads import Upload
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, new_key, utc_now
from lungwise.store.backup import note_backup
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.models import JobState
from lungwise.studies.service import Study
from lungwise.web_app import create_app
from lungwise.wiring import Wiring
from moving_clinics import TOTP
from one_session import StudiesInOneSession
from photographs import SCENES, photograph
from prior_films import add_prior
from synthetic_reader import SyntheticReader

WITH_FACTOR, WORKER = "factor@example.org", "worker@example.org"
VALLEY, SECOND = "valley@example.org", "second@example.org"
ACCESSION = "RAD-2026-0417"
ARCHIVES = ("PACS@10.1.2.3:11112", "CLOUD@archive.example.org:11112")


def prepare(settings: Settings) -> dict[str, str]:
    """Add to the demonstration what it lacks, and a clinic with the films and results of a year; give pages' keys."""
    database = Database(settings)
    with database.writing() as session:
        keys = _people(session, settings) | _films(session, settings)
    for step in (_orders, _messages, _unsent, _old_studies):
        with database.writing() as session:
            keys |= step(session, Wiring(settings, FilmStore(settings)), _first(session, settings))
    _year(database, settings)
    database.close()
    return keys | {"reset": _reset_link(settings)}


def _first(session: Session, settings: Settings) -> Person:
    return Accounts(session, utc_now, settings, AuditTrail(session, utc_now)).everyone()[0].person


def _people(session: Session, settings: Settings) -> dict[str, str]:
    """Add people who wait, who have a second factor, or who only upload; tokens, and an invitation."""
    trail = AuditTrail(session, utc_now)
    accounts, first = Accounts(session, utc_now, settings, trail), _first(session, settings)
    accounts.register(Applicant("Dr. Waiting", "waiting@example.org", demo.PASSWORD), first.clinic_id)
    careful = accounts.add(Applicant("Dr. Careful", WITH_FACTOR, demo.PASSWORD), demo.CLINIC, Role.RADIOLOGIST)
    careful.tf_primary_method, careful.tf_totp_secret = "authenticator", SecondFactorKeys(settings).seal(TOTP)
    accounts.add(Applicant("Asha Worker", WORKER, demo.PASSWORD), demo.CLINIC, Role.HEALTH_WORKER)
    tokens = Tokens(session, utc_now, trail)
    tokens.add(first, "Archive script", [Scope.UPLOAD, Scope.EXPORT], 90)
    tokens.add(first, "X-ray room", [Scope.UPLOAD], 365, machine=True)
    return {"invitation": accounts.invitations.add(first, "rita@example.org", Role.RADIOLOGIST)}


def _films(session: Session, settings: Settings) -> dict[str, str]:
    """Add a study of many films, and those that wait for somebody: refused, stuck, contradicted, photographed, held."""
    first, store, trail = _first(session, settings), FilmStore(settings), AuditTrail(session, utc_now)
    patients = Patients(session, utc_now, trail)
    studies = StudiesInOneSession(session, utc_now, store, patients, trail)

    def opened(identifier: str, *films: bytes, name: str = "", by: Person = first, **known: Any) -> Study:
        facts = PatientFacts(identifier=identifier, name=name, **known)
        return studies.open(by, facts, [("film", one) for one in films])

    several = opened("D-302", *(as_jpeg(synthetic_film(100 + n, n)) for n in range(7)), name="Chukwuemeka Oluwaseun")
    refused = opened("D-300", as_jpeg(synthetic_film(0, 0)), _blank(), name="Refused Film")
    alone = opened("D-305", _blank(), name="Refused Alone")
    stuck = opened("D-301", as_jpeg(synthetic_film(77, 0)))
    _all_jobs(stuck, state=JobState.FAILED, attempts=5, error="MemoryError: the machine ran out of memory")
    waiting = opened("D-306", as_jpeg(synthetic_film(78, 0)), as_jpeg(synthetic_film(79, 0)), name="Kofi Mensah")
    _all_jobs(waiting, state=JobState.RUNNING, due_at=utc_now() + timedelta(minutes=9))
    child = opened(
        "D-307", as_jpeg(synthetic_film(80, 6)), name="Little Esi", birth_date=utc_now().date().replace(day=1)
    )
    header: dict[str, Any] = {"PatientID": "D-101", "PatientName": "Herrera^Ana", "PatientBirthDate": "19800203"}
    unclear = opened("", dated_film("20260301", **header))
    photographed = opened("D-303", photograph(SCENES["an edge outside"])[0], name="Photographed Film")
    worker = session.scalars(select(User).where(User.email == WORKER)).one().person
    opened("D-308", as_jpeg(synthetic_film(81, 8)), name="Adjoa Boateng", by=worker)
    answering = _answering(session, studies, first)
    other_order = opened("", dated_film("20260303", PatientID="D-310", AccessionNumber=ACCESSION))
    old = opened("D-304", as_jpeg(synthetic_film(82, 4)), name="Rosa Quispe", sex="F", birth_date=date(1967, 11, 4))
    patient = studies.patient(first, old)
    priors = [add_prior(session, store, utc_now, patient, number) for number in (1, 2, 3)]
    held = Upload(data=as_jpeg(synthetic_film(200, 3)), kind="JPEG")
    studies.recording.held.hold(first, _stored(store, held), held, several.films[0], Difference.PIXELS, "CR1")
    found = {"several": several, "refused": refused, "alone": alone, "stuck": stuck, "waiting": waiting}
    found |= {"child": child, "with_priors": old, "of_unclear": unclear, "other_order": other_order}
    return {name: study.key for name, study in found.items()} | {
        "unclear": patients.decisions.unclear(first)[0].key,
        "photographed": photographed.films[0].key,
        "photographed_study": photographed.key,
        "ordered": answering.key,
        "prior": priors[0].key,
        "ordering": patient.key,
    }


def _all_jobs(study: Study, **changed: object) -> None:
    for job in (job for film in study.films for job in film.jobs):
        for name, value in changed.items():
            setattr(job, name, value)


def _answering(session: Session, studies: StudiesInOneSession, first: Person) -> Study:
    """Add a study that answers an order."""
    facts = PatientFacts(identifier="D-309", name="Amina Yusuf", sex="F", birth_date=date(1985, 7, 12))
    procedure, doctor = Procedure(description="Chest X-ray, PA and lateral"), "Okafor^Ngozi"
    asked = OrderRequest(accession=ACCESSION, procedure=procedure, referring_physician=doctor)
    trail = AuditTrail(session, utc_now)
    Orders(session, utc_now, Patients(session, utc_now, trail), trail).place(first, facts, asked, OrderWay.HL7)
    header: dict[str, Any] = {"PatientID": "D-309", "AccessionNumber": asked.accession, "StudyInstanceUID": "1.2.3.4.5"}
    return studies.open(first, facts, [("film", dated_film("20260302", **header))])


def _orders(session: Session, wiring: Wiring, first: Person) -> dict[str, str]:
    """Order films of each urgency, by each way, and bring some of the orders further."""
    services = wiring.over(session)
    place = partial(services.orders.place, first)
    reason = "Cough for three weeks, night sweats and loss of weight. Father treated for tuberculosis in 2024."
    whole = OrderRequest(
        placer=PlacerNumber(number="ORD-7731", namespace="OpenMRS"),
        procedure=Procedure(description="Chest X-ray, PA and lateral", code="36643-5", scheme="LN"),
        reason=reason,
        station="XRAY_ROOM_2",
        scheduled_at=utc_now() + timedelta(hours=2),
        referring_physician="Mbeki^Thandiwe",
        ordered_by="Thandiwe Mbeki",
        urgency=OrderUrgency.URGENT,
    )
    patients = [services.patients.known_by(first, f"D-{number}")[0] for number in (304, 100, 101, 102)]
    order = place(patients[0], whole, OrderWay.HL7).order
    plain = replace(whole, placer=None, reason="Follow-up", ordered_by="")
    ways = (
        (OrderUrgency.STAT, OrderWay.PAGE),
        (OrderUrgency.ROUTINE, OrderWay.API),
        (OrderUrgency.ROUTINE, OrderWay.FHIR),
    )
    for patient, (urgency, way) in zip(patients[1:], ways, strict=True):
        placed = place(patient, replace(plain, urgency=urgency), way).order
    services.orders.cancel(first, placed.key)
    return {"order": order.key}


def _messages(session: Session, wiring: Wiring, first: Person) -> dict[str, str]:
    """Keep messages aside that contradict what is known of their patients."""
    services = wiring.over(session)
    system = Person(None, "OPENMRS@HILL", first.clinic_id, Role.HOSPITAL_SYSTEM)
    for control, name in (("1", "Njoroge^Peter"), ("2", "Otieno^Mary")):
        person = pid("D-304", name, "19500101", "M")
        message = parse_message(openmrs("A08", person, control=control), "UNICODE UTF-8")
        try:
            services.inbox.take(system, message)
        except Rejected as rejected:
            services.inbox.set_aside(system, message, str(rejected))
    return {"message": services.inbox.waiting(first)[0].key}


def _unsent(session: Session, wiring: Wiring, first: Person) -> dict[str, str]:
    """Let results wait for archives in each way."""
    studies = session.scalars(select(Study).where(Study.clinic_id == first.clinic_id).order_by(Study.id).limit(3)).all()
    refused = "0xA700 (out of resources): the archive's disk is full"
    states = (
        (ARCHIVES[0], DispatchState.FAILED, 40, refused),
        (ARCHIVES[0], DispatchState.QUEUED, 3, "ConnectionRefusedError: [Errno 111] Connection refused"),
        ("OLD@10.1.2.9:104", DispatchState.QUEUED, 0, ""),
    )
    past, later = utc_now() - timedelta(hours=30), utc_now() + timedelta(days=9)
    for study, (place, state, attempts, error) in zip(studies, states, strict=True):
        one = Dispatch(study_id=study.id, destination=place, created_at=past, state=state, attempts=attempts)
        one.error, one.due_at = error, later
        session.add(one)
    return {}


def _old_studies(session: Session, wiring: Wiring, first: Person) -> dict[str, str]:
    """Let the clinic keep studies for 120 days, and a backup hold them."""
    clinics = wiring.over(session).clinics
    chosen = replace(clinics.choices(first), retention=RetentionMode.DELETE, retention_days=120)
    clinics.change(first, chosen)
    note_backup(session, utc_now(), "")
    return {}


def _year(database: Database, settings: Settings) -> None:
    """Add a clinic with two administrators, and the films and test results of a year."""
    with database.writing() as session:
        accounts = Accounts(session, utc_now, settings, AuditTrail(session, utc_now))
        person = accounts.add(Applicant("Dr. Valley", VALLEY, demo.PASSWORD), "Valley", Role.ADMINISTRATOR).person
        accounts.add(Applicant("Dr. Second", SECOND, demo.PASSWORD), "Valley", Role.ADMINISTRATOR)
    steps: tuple[Callable[[Session], None], ...] = (
        lambda session: synthetic.fill(session, person, 700, utc_now(), to_a_patient=1),
        lambda session: synthetic.read(session, person, current_model()),
        lambda session: synthetic.enter_results(session, person, 0.7),
    )
    with database.session(writes=True) as session:
        for step in steps:
            step(session)


def _stored(store: FilmStore, upload: Upload) -> str:
    key = new_key()
    FilmFiles(store).put(key, [upload])
    return key


def _blank() -> bytes:
    out = io.BytesIO()
    Image.new("L", (400, 400), 90).save(out, "JPEG")
    return out.getvalue()


def _reset_link(settings: Settings) -> str:
    app = create_app(settings, SyntheticReader)
    with app.database.reading() as session, app.app_context():
        user = session.scalars(select(User).where(User.email == demo.EMAIL)).one()
        token = str(generate_reset_password_token(user))  # type: ignore[no-untyped-call]
    app.database.close()
    return token
