"""Two requests at the same moment for the same thing, fifty times each: no error, no film lost, none left behind."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from conftest import PASSWORD, Visitor, film_bytes, token_of
from live_server import add_account
from lungwise.access import Person, Role
from lungwise.accounts.models import User
from lungwise.accounts.service import Accounts, Applicant
from lungwise.audit.service import AuditTrail
from lungwise.patients.identity import Identity
from lungwise.patients.models import Patient
from lungwise.patients.service import PatientFacts, Patients
from lungwise.receiving.uploads import Limits
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, check_keys, utc_now
from lungwise.store.backup import check_films
from lungwise.store.migrations import upgrade
from lungwise.studies.models import FilmRecord, ReferenceResult, Study
from lungwise.studies.result_views import packed
from lungwise.web_app import create_app
from one_session import StudiesInOneSession
from synthetic_reader import SyntheticReader

PAIRS = 50
LIMITS = Limits(films=50, film_bytes=60 << 20, total_bytes=300 << 20)
Ask = Callable[[Visitor], int]


@dataclass
class Clinic:
    """A clinic with two administrators at their screens."""

    database: Database
    settings: Settings
    store: FilmStore
    person: Person
    first: Visitor
    second: Visitor
    token: dict[int, str]
    film: Callable[[], bytes]

    def send(self, visitor: Visitor, path: str, *films: bytes, **fields: Any) -> int:
        """Send a form and give the answer's status."""
        files = [(io.BytesIO(data), "film.jpg") for data in films]
        data = {"csrf_token": self.token[id(visitor)], **({"films": files} if films else {}), **fields}
        answer = visitor.client.post(path, data=data, buffered=True)
        return answer.status_code

    def race(self, pairs: list[tuple[Ask, Ask]]) -> list[tuple[int, int]]:
        """Let both ask at the same moment, pair after pair; an answer must be no server's error."""
        together = Barrier(2)

        def asked(visitor: Visitor, ask: Ask) -> int:
            together.wait(240)
            return ask(visitor)

        statuses = []
        with ThreadPoolExecutor(2) as both:
            for one, other in pairs:
                first, second = both.submit(asked, self.first, one), both.submit(asked, self.second, other)
                statuses.append((first.result(), second.result()))
        assert [pair for pair in statuses if max(pair) >= 500] == []
        self.check()
        return statuses

    def check(self) -> None:
        """No file without a row, no row without a file, and an unbroken trail."""
        found = check_films(self.database, self.store)
        assert (found.missing, found.damaged, found.left_over) == ([], [], [])
        with self.database.reading() as session:
            assert AuditTrail(session, utc_now).verify() is None

    def accounts(self, session: Session) -> Accounts:
        """Give the accounts' service."""
        return Accounts(session, utc_now, self.settings, AuditTrail(session, utc_now))

    def studies(self, *identifiers: str) -> list[str]:
        """Save studies of one film each for these patients, or for new ones, and give their keys."""
        with self.database.writing() as session:
            audit = AuditTrail(session, utc_now)
            studies = StudiesInOneSession(session, utc_now, self.store, Patients(session, utc_now, audit), audit)
            files = [(PatientFacts(identifier=name), [("film.jpg", self.film())]) for name in identifiers]
            return [studies.open(self.person, facts, film).key for facts, film in files]

    def patients(self, *identifiers: str) -> list[str]:
        """Add patients, and give their keys."""
        with self.database.writing() as session:
            patients = Patients(session, utc_now, AuditTrail(session, utc_now))
            return [
                patients.match_or_add(self.person, PatientFacts(identifier=name)).patient.key for name in identifiers
            ]

    def count(self, *which: Any) -> int:
        """Count rows."""
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(which[0]).where(*which[1:])) or 0


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def clinic(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """One clinic for all races on one database: each begins with patients, studies and accounts of its own."""
    folder = tmp_path_factory.mktemp("races")
    settings = Settings(data_folder=folder, argon2_time=1, argon2_memory=64, administrator_second_factor=False)
    if request.param == "mariadb":
        url = request.getfixturevalue("mariadb_server").new_database()
        settings = settings.model_copy(update={"database_url": url})
    app = create_app(settings, SyntheticReader, utc_now)
    upgrade(app.database.engine)
    check_keys(app.database)
    person, _ = (
        add_account(app.database, settings, utc_now, name, "Hill", Role.ADMINISTRATOR) for name in ("Ada", "Bob")
    )
    first, second = Visitor(app), Visitor(app)
    first.sign_in("ada@example.org")
    second.sign_in("bob@example.org")
    tokens = {id(visitor): token_of(visitor.get("/studies/new").text) for visitor in (first, second)}
    drawn, numbers = film_bytes(), count()
    yield Clinic(
        app.database,
        settings,
        FilmStore(settings),
        person,
        first,
        second,
        tokens,
        lambda: drawn + next(numbers).to_bytes(4),  # what follows a JPEG's end makes another film of it
    )
    app.database.close()


def test_two_uploads_for_one_new_patient(clinic: Clinic) -> None:
    def upload(identifier: str) -> Ask:
        return lambda who: clinic.send(who, "/studies/new", clinic.film(), identifier=identifier)

    patients, studies, films = (clinic.count(table) for table in (Patient, Study, FilmRecord))
    statuses = clinic.race([(upload(f"new {n}"), upload(f"new {n}")) for n in range(PAIRS)])
    assert set(statuses) == {(302, 302)}
    assert clinic.count(Patient) - patients == PAIRS
    assert clinic.count(Study) - studies == clinic.count(FilmRecord) - films == 2 * PAIRS


def test_a_study_is_deleted_while_a_film_is_added_and_while_it_is_concluded(clinic: Clinic) -> None:
    def add(study: str) -> Ask:
        return lambda who: clinic.send(who, f"/studies/{study}/films", clinic.film())

    def conclude(study: str) -> Ask:
        return lambda who: clinic.send(who, f"/studies/{study}/opinions", note="seen")

    def delete(study: str) -> Ask:
        return lambda who: clinic.send(who, f"/studies/{study}/delete", sure="y")

    for ask in (add, conclude):
        studies = clinic.studies(*[""] * PAIRS)
        statuses = clinic.race([(delete(study), ask(study)) for study in studies])
        assert {first for first, _ in statuses} == {302}
        assert {second for _, second in statuses} <= {302, 404}
        assert clinic.count(Study, Study.key.in_(studies)) == 0
        assert not {study for study, _film in clinic.store.films()}.intersection(studies)


def test_a_patient_is_deleted_while_a_film_is_added_and_while_a_study_is_opened(clinic: Clinic) -> None:
    names = [f"leaving {n}" for n in range(PAIRS)]

    def add(study: str) -> Ask:
        return lambda who: clinic.send(who, f"/studies/{study}/films", clinic.film())

    def upload(name: str) -> Ask:
        return lambda who: clinic.send(who, "/studies/new", clinic.film(), identifier=name)

    def delete(patient: str) -> Ask:
        return lambda who: clinic.send(who, f"/patients/{patient}/delete", sure="y")

    studies, patients = clinic.studies(*names), clinic.patients(*names)
    clinic.race([(delete(patient), add(study)) for patient, study in zip(patients, studies, strict=True)])
    patients = clinic.patients(*names)
    statuses = clinic.race([(delete(patient), upload(name)) for patient, name in zip(patients, names, strict=True)])
    assert {second for _, second in statuses} == {302}


def test_two_patients_are_merged_both_ways(clinic: Clinic) -> None:
    names = [f"double {n}" for n in range(2 * PAIRS)]
    known = Patient.identity != Identity.MERGED
    keys, before = clinic.patients(*names), clinic.count(Patient, known)

    def merge(key: str, other: str) -> Ask:
        return lambda who: clinic.send(who, f"/patients/{key}/merged", other=other, sure="y")

    clinic.race([(merge(keys[n], keys[n + 1]), merge(keys[n + 1], keys[n])) for n in range(0, 2 * PAIRS, 2)])
    assert before - clinic.count(Patient, known) == PAIRS


def test_an_unclear_patient_is_said_to_be_the_same_and_another_person_at_once(clinic: Clinic) -> None:
    def facts(n: int, name: str) -> PatientFacts:
        return PatientFacts(identifier=f"doubted {n}", name=name)

    with clinic.database.writing() as session:
        patients = Patients(session, utc_now, AuditTrail(session, utc_now))
        both = [
            [patients.match_or_add(clinic.person, facts(n, name)).patient.key for name in ("Lovelace Ada", "Two Bob")]
            for n in range(PAIRS)
        ]

    def same(key: str, into: str) -> Ask:
        return lambda who: clinic.send(who, f"/patients/{key}/same", into=into)

    def separate(key: str) -> Ask:
        return lambda who: clinic.send(who, f"/patients/{key}/separate")

    statuses = clinic.race([(same(bob, ada), separate(bob)) for ada, bob in both])
    assert {302 in pair and max(pair) in (404, 422) for pair in statuses} == {True}
    bobs = Patient.key.in_([bob for _ada, bob in both])
    assert clinic.count(Patient, bobs, (Patient.identity == Identity.MERGED) == Patient.same_as_id.is_(None)) == 0


def test_two_patients_are_given_one_identifier(clinic: Clinic) -> None:
    keys = clinic.patients(*(f"misnamed {n}" for n in range(2 * PAIRS)))

    def change(key: str, identifier: str) -> Ask:
        return lambda who: clinic.send(who, f"/patients/{key}/change", identifier=identifier)

    pairs = [(change(keys[n], f"named {n}"), change(keys[n + 1], f"named {n}")) for n in range(0, 2 * PAIRS, 2)]
    assert {tuple(sorted(statuses)) for statuses in clinic.race(pairs)} == {(200, 302)}


def test_two_doctors_conclude_and_describe_at_once(clinic: Clinic) -> None:
    keys = clinic.studies(*[""] * (PAIRS // 5))

    def say(key: str, path: str, **fields: str) -> Ask:
        return lambda who: clinic.send(who, f"/studies/{key}/{path}", **fields)

    notes = [(say(key, "opinions", note="clear"), say(key, "opinions", note="clear")) for key in keys]
    assert set(clinic.race(notes)) == {(302, 302)}
    nothing = '{"symptoms": [], "other": "", "spo2": null}'
    details = [
        (say(key, "symptoms", spo2="85", known=nothing), say(key, "symptoms", symptoms="cough", known=nothing))
        for key in keys
    ]
    assert {tuple(sorted(statuses)) for statuses in clinic.race(details)} == {(302, 409)}


def test_one_account_is_invited_approved_disabled_and_given_a_role_twice(clinic: Clinic) -> None:
    with clinic.database.writing() as session:
        applicant = Applicant("Cleo", "cleo@example.org", PASSWORD)
        key = clinic.accounts(session).add(applicant, "Hill", Role.DOCTOR).key

    def twice(path: str, **fields: str) -> tuple[Ask, Ask]:
        def ask(who: Visitor) -> int:
            return clinic.send(who, path, **fields)

        return ask, ask

    clinic.race([twice("/accounts", email=f"guest{n}@example.org", role="doctor") for n in range(PAIRS)])
    for action in ("approve", "disable", "enable"):
        clinic.race([twice(f"/accounts/{key}/{action}")] * PAIRS)
    clinic.race([twice(f"/accounts/{key}/role", role="radiologist")] * PAIRS)


def test_one_invitation_is_accepted_twice(clinic: Clinic) -> None:
    with clinic.database.writing() as session:
        accounts = clinic.accounts(session)
        links = [accounts.invitations.add(clinic.person, f"invited{n}@example.org", Role.DOCTOR) for n in range(PAIRS)]
    before = clinic.count(User)

    def accept(token: str) -> Ask:
        fields = {"name": "Guest", "password": PASSWORD, "again": PASSWORD}
        return lambda who: clinic.send(who, f"/invitation/{token}", **fields)

    clinic.race([(accept(token), accept(token)) for token in links])
    assert clinic.count(User) - before == PAIRS


def test_one_table_of_results_is_kept_twice(clinic: Clinic) -> None:
    def keep(study: str) -> Ask:
        rows = f"study,test,result,date\n{study},Xpert,negative,2026-03-01\n".encode()
        return lambda who: clinic.send(who, "/results", packed=packed(rows), keep="1")

    studies, before = clinic.studies(*[""] * PAIRS), clinic.count(ReferenceResult)
    clinic.race([(keep(study), keep(study)) for study in studies])
    assert clinic.count(ReferenceResult) - before == PAIRS


def test_one_film_is_added_twice(clinic: Clinic) -> None:
    def add(study: str, film: bytes) -> Ask:
        return lambda who: clinic.send(who, f"/studies/{study}/films", film)

    studies, before = clinic.studies(*[""] * PAIRS), clinic.count(FilmRecord)
    films = [clinic.film() for _ in studies]
    pairs = [(add(study, film), add(study, film)) for study, film in zip(studies, films, strict=True)]
    assert set(clinic.race(pairs)) == {(302, 302)}
    assert clinic.count(FilmRecord) - before == PAIRS
