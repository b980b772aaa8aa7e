"""A clinic moves from one installation to another, between SQLite and MariaDB, with everything that it has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from commands import Run
from conftest import Clock, Services, film_bytes, open_services
from hl7_peer import openmrs, pid
from killed_at import killed_at
from lungwise.access import Person, Role
from lungwise.accounts.models import User
from lungwise.accounts.second_factor_keys import SecondFactorKeys
from lungwise.accounts.tokens import Tokens
from lungwise.audit.actions import Action, Subject
from lungwise.audit.closed_clinics import close_clinic
from lungwise.audit.service import AuditFilter
from lungwise.clinics.models import Clinic
from lungwise.errors import Contradiction
from lungwise.hl7.inbox import Inbox
from lungwise.hl7.message import parse_message
from lungwise.orders.records import OrderRecords
from lungwise.patients.service import PatientFacts
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore
from lungwise.store.backup import last_backup, note_backup
from lungwise.store.keys import Keys
from lungwise.studies.prior_models import PriorFilm
from lungwise.wiring import Wiring
from moving_clinics import ANY_TEXT, CLINIC, TOTP, comes_to, fill_clinic

PASSPHRASE = "correct horse battery staple"


@contextmanager
def services_of(settings: Settings, clock: Clock) -> Iterator[Services]:
    with contextmanager(open_services)(settings, clock) as services:
        yield services


class Move:
    """Two installations, and the package between them."""

    def __init__(self, folder: Path, source: Settings, target: Settings, patch: pytest.MonkeyPatch) -> None:
        self.source, self.target = source, target
        self.package, self.passphrase = folder / "hill.clinic", folder / "passphrase"
        self.passphrase.write_text(PASSPHRASE + "\n")
        self._patch = patch

    def environment(self, settings: Settings) -> dict[str, str]:
        return {
            "LUNGWISE_DATA_FOLDER": str(settings.data_folder),
            "LUNGWISE_DATABASE_URL": settings.database_url,
            "LUNGWISE_ARGON2_TIME": "1",
            "LUNGWISE_ARGON2_MEMORY": "64",
        }

    def at(self, settings: Settings, *words: str) -> Run:
        with self._patch.context() as patch:
            for name, value in self.environment(settings).items():
                patch.setenv(name, value)
            return Run(*words)

    def export(self) -> Run:
        return self.at(
            self.source,
            "clinics",
            "export",
            CLINIC,
            str(self.package),
            "--passphrase-file",
            str(self.passphrase),
            "--json",
        )

    @property
    def words(self) -> tuple[str, ...]:
        return "clinics", "import", str(self.package), "--passphrase-file", str(self.passphrase), "--json"

    def take_in(self) -> Run:
        return self.at(self.target, *self.words)


@pytest.fixture
def two(
    tmp_path: Path, settings: Settings, migrate: Callable[[Settings], None], monkeypatch: pytest.MonkeyPatch
) -> Move:
    """Give two empty installations on SQLite."""
    target = settings.model_copy(update={"data_folder": tmp_path / "target"})
    for each in (settings, target):
        migrate(each)
    return Move(tmp_path, settings, target, monkeypatch)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> Path:
    """Export a clinic once: a data folder, and the package beside it."""
    folder = tmp_path_factory.mktemp("exported")
    source = Settings(data_folder=folder / "data", argon2_time=1, argon2_memory=64, administrator_second_factor=False)
    (folder / "data").mkdir()
    shutil.copy(empty_sqlite, folder / "data" / "lungwise.sqlite")
    Keys(source).make()
    with services_of(source, Clock()) as services:
        fill_clinic(services, film_bytes)
    with pytest.MonkeyPatch.context() as patch:
        Move(folder, source, source, patch).export().ok()
    return folder


@pytest.fixture
def packed(two: Move, exported: Path) -> Move:
    """Give two installations on SQLite, and the package of a clinic that the first has exported."""
    shutil.copytree(exported / "data", two.source.data_folder, dirs_exist_ok=True)
    shutil.copy(exported / two.package.name, two.package)
    return two


@pytest.fixture(params=["to mariadb", "to sqlite"])
def apart(request: pytest.FixtureRequest, two: Move, migrate: Callable[[Settings], None], mariadb_url: str) -> Move:
    """Give two empty installations, one on each database."""
    side = two.target if request.param == "to mariadb" else two.source
    changed = side.model_copy(update={"database_url": mariadb_url})
    migrate(changed)
    if request.param == "to mariadb":
        two.target = changed
    else:
        two.source = changed
    return two


def test_a_clinic_moves_with_all_that_it_has(apart: Move, film: Callable[..., bytes], clock: Clock) -> None:
    with services_of(apart.target, clock) as services:
        fill_clinic(services, film, "Valley")  # its numbers are those of the other's rows
        valley = comes_to(services.session, "Valley")
    with services_of(apart.source, clock) as services:
        fill_clinic(services, film, "Lake")
        token = fill_clinic(services, film)
        before, lake = comes_to(services.session), comes_to(services.session, "Lake")
        entries = [_said(one) for one in services.audit.export(_ada(services), AuditFilter())][::-1]
    files = files_of(apart.source) // 2
    exported = json.loads(apart.export().ok())
    arrived = json.loads(apart.take_in().ok())
    assert exported["films"] == arrived["films"] == files > 5
    assert exported["audit_digest"] == arrived["audit_digest"]
    with services_of(apart.target, clock) as services:
        assert comes_to(services.session) == before
        assert comes_to(services.session, "Valley") == valley
        assert all(before.values())
        ada = _ada(services)
        moved = [_said(one) for one in services.audit.export(ada, AuditFilter())][::-1]
        assert moved[: len(entries)] == entries
        closed, statement = moved[len(entries) :]
        assert closed[1:3] == ("closed", "clinic")
        assert statement[1:] == ("moved here", "audit trail", arrived["audit_digest"], len(entries) + 1)
        assert [one.name for one in services.patients.records.having(ada, "7")] == ["Béla Bartók सुनीता", "Clara"]
        bob = services.session.scalars(select(User).where(User.email == "bob.hill@example.org")).one()
        assert SecondFactorKeys(apart.target).open(bob.tf_totp_secret or "") == TOTP
        assert Tokens(services.session, clock, services.audit).check(token) is not None
        prior = services.session.scalars(select(PriorFilm).where(PriorFilm.clinic_id == ada.clinic_id)).one()
        assert services.store.get(prior.key, prior.sha256) == b"an object"
        order = OrderRecords(services.session).with_accession(ada.clinic_id, ANY_TEXT)
        assert order is not None and order.accession == ANY_TEXT
        assert services.read_all() >= 1  # what waited when the clinic was closed
    receipt = arrived["receipt"]
    assert "not the receipt" in apart.at(apart.source, "clinics", "remove", CLINIC, "--receipt", "a", "--yes").no()
    apart.at(apart.source, "clinics", "remove", CLINIC, "--receipt", receipt, "--yes").ok()
    with services_of(apart.source, clock) as services:
        assert comes_to(services.session, "Lake") == lake
        assert services.session.scalars(select(User).where(User.email == "bob.hill@example.org")).all() == []
    for settings in (apart.source, apart.target):
        checked = json.loads(apart.at(settings, "db", "check", "--json").ok())
        assert checked["missing"] == checked["damaged"] == checked["misplaced"] == []
        assert checked["films"] == (files if settings is apart.source else 2 * files)
        apart.at(settings, "audit", "verify").ok()


def test_a_move_that_is_killed_leaves_nothing_to_be_seen_and_runs_again(packed: Move) -> None:
    number, deaths = 20, 0
    while killed_at(number, packed.environment(packed.target), *packed.words):
        assert hills(packed.target) == []
        number, deaths = number * 3, deaths + 1
    assert deaths >= 2
    assert hills(packed.target) == [CLINIC]
    with services_of(packed.target, Clock()) as services:
        note_backup(services.session, services.clock(), "")  # one that began before the clinic came
        assert last_backup(services.session, services.clock()) is None
    again = json.loads(packed.take_in().ok())
    assert again["again"] and again["receipt"]
    assert json.loads(packed.at(packed.target, "db", "check", "--json").ok())["films"] == files_of(packed.source)
    packed.at(packed.target, "audit", "verify").ok()


def test_a_commit_whose_answer_is_lost_keeps_the_films(packed: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Database.writing

    @contextmanager
    def loses_the_answer(database: Database) -> Iterator[Session]:
        with writing(database) as session:
            yield session
        if hills(packed.target):
            raise OperationalError("COMMIT", {}, OSError("Lost connection to server during query"))

    with monkeypatch.context() as patch:
        patch.setattr(Database, "writing", loses_the_answer)
        packed.take_in().no()
    stored, (folder, name) = files_of(packed.target), next(FilmStore(packed.target).films())
    assert stored == files_of(packed.source)
    FilmStore(packed.target).remove(folder, name)
    again = json.loads(packed.take_in().ok())
    assert again["again"] and again["films"] == 1 and files_of(packed.target) == stored
    assert json.loads(packed.take_in().ok())["films"] == 0
    packed.at(packed.target, "db", "check").ok()


def test_half_a_package_leaves_nothing(packed: Move) -> None:
    whole = packed.package.read_bytes()
    packed.package.write_bytes(whole[: len(whole) // 2])
    assert "ends too early" in packed.take_in().no()
    assert list(FilmStore(packed.target).films()) == [] and hills(packed.target) == []
    packed.package.write_bytes(whole)
    packed.take_in().ok()


def test_a_package_that_was_changed_anywhere_is_refused(packed: Move) -> None:
    whole = packed.package.read_bytes()
    assert b"Bart" not in whole and b"JFIF" not in whole
    end = len(whole) - 1
    said = {0: "not a package", 20: "passphrase", 60: "passphrase", end // 2: "damaged", end: "damaged"}
    for place, words in said.items():
        packed.package.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert words in packed.take_in().no()
    packed.package.write_bytes(whole + b"more")
    assert "damaged" in packed.take_in().no()
    assert hills(packed.target) == [] and list(FilmStore(packed.target).films()) == []
    packed.package.write_bytes(whole)
    packed.passphrase.write_text("another passphrase")
    assert "The passphrase is not the one of this package" in packed.take_in().no()
    packed.passphrase.write_text("short")
    assert "12 letters" in packed.take_in().no()


def test_what_exists_at_the_target_is_not_written_over(packed: Move, clock: Clock) -> None:
    with services_of(packed.target, clock) as services:
        services.user("Ada", CLINIC, Role.DOCTOR)
    assert "There is a clinic Hill here already" in packed.take_in().no()
    with services_of(packed.target, clock) as services:
        clinic = services.session.scalars(select(Clinic)).one()
        clinic.name = "HILL"
        services.session.commit()
    assert "almost this name here already: HILL." in packed.take_in().no()
    with services_of(packed.target, clock) as services:
        services.session.scalars(select(Clinic)).one().name = "Other"
        services.session.commit()
    assert "an account with the same e-mail address" in packed.take_in().no()
    assert hills(packed.target) == ["Other"] and list(FilmStore(packed.target).films()) == []


def test_a_target_of_another_schema_or_with_a_full_disk_refuses(packed: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1 << 20))
        assert "has 1 MB left" in packed.export().no()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1 << 20))
        assert "has 1 MB left" in packed.take_in().no()
        patch.undo()
        patch.setattr("lungwise.moving.arrival.schema_of", lambda _connection: "0001")
        assert "installation has 0001" in packed.take_in().no()


def test_a_clinic_with_hl7_messages_that_wait_does_not_move(
    two: Move, clock: Clock, film: Callable[..., bytes]
) -> None:
    with services_of(two.source, clock) as services:
        fill_clinic(services, film)
        set_aside(services, _ada(services), openmrs("A40", pid()))
    words = ("clinics", "export", CLINIC, "nowhere/hill.clinic", "--passphrase-file", str(two.passphrase))
    assert two.at(two.source, *words).no() == "Error: The folder nowhere does not exist. Hill stays open.\n"
    assert json.loads(two.at(two.source, "clinics", "list", "--json").ok())["state"] == "open"
    refused = two.export().no()
    assert "1 HL7 messages that Hill has acknowledged wait for an administrator" in refused
    assert "reopen" not in refused and not two.package.exists()
    with services_of(two.source, clock) as services:
        ada, inbox = _ada(services), inbox_over(services)
        assert not services.audit.is_closed(ada)  # nothing is half done: people settle it, and export again
        inbox.drop(ada, inbox.waiting(ada)[0].key)
        services.session.commit()
    two.export().ok()


def test_a_clinic_that_was_closed_with_messages_that_wait_is_opened_first(packed: Move, clock: Clock) -> None:
    packed.at(packed.source, "clinics", "reopen", CLINIC, "--yes").ok()
    with services_of(packed.source, clock) as services:
        ada = _ada(services)
        set_aside(services, ada, openmrs("A40", pid()))
        close_clinic(services.session, ada.clinic_id, "as an earlier release did")
        services.session.commit()
    assert "lungwise clinics reopen Hill" in packed.export().no()


def test_a_clinic_that_a_setting_names_is_not_removed(packed: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = json.loads(packed.take_in().ok())["receipt"]
    words = ("clinics", "remove", CLINIC, "--receipt", receipt, "--yes")
    for setting, value in (("NODE_CLINIC", CLINIC), ("HL7_PEERS", f"EMR@X=Lake, EMR@Y={CLINIC}")):
        with monkeypatch.context() as patch:
            patch.setenv(f"LUNGWISE_{setting}", value)
            assert f"named in the settings ({setting.lower()})" in packed.at(packed.source, *words).no()
    packed.at(packed.source, *words).ok()


def test_a_closed_clinic_is_read_and_not_changed_until_it_is_opened_again(
    packed: Move, film: Callable[..., bytes], clock: Clock
) -> None:
    with services_of(packed.source, clock) as services:
        ada = _ada(services)
        services.audit.record(ada, Action.SAW, Subject.STUDY, "x")
        with pytest.raises(Contradiction, match="moving to another installation"):
            services.studies.open(ada, PatientFacts(), [("a", film(9))])
        services.session.rollback()
        assert services.read_all() == 0  # its queue pauses
    receipt = json.loads(packed.take_in().ok())["receipt"]
    packed.at(packed.source, "clinics", "reopen", CLINIC, "--yes").ok()
    assert "not closed" in packed.at(packed.source, "clinics", "reopen", CLINIC, "--yes").no()
    with services_of(packed.source, clock) as services:
        assert services.read_all() >= 1
        services.studies.open(_ada(services), PatientFacts(), [("a", film(9))])
        services.session.commit()
    words = ("clinics", "remove", CLINIC, "--receipt", receipt, "--yes")
    assert "has not been exported" in packed.at(packed.source, *words).no()


def test_a_clinic_that_came_goes_back_and_its_number_is_not_used_again(packed: Move, clock: Clock) -> None:
    receipt, files = json.loads(packed.take_in().ok())["receipt"], files_of(packed.source)
    packed.at(packed.source, "clinics", "remove", CLINIC, "--receipt", receipt, "--yes").ok()
    with services_of(packed.source, clock) as services:
        assert services.user("Eve", "New", Role.DOCTOR).clinic_id > 1
    packed.source, packed.target = packed.target, packed.source
    packed.package.unlink()
    packed.export().ok()
    assert json.loads(packed.take_in().ok())["films"] == files
    packed.at(packed.target, "audit", "verify").ok()
    lines = packed.at(packed.target, "clinics", "list", "--json").ok().splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["open", "open"]


def inbox_over(services: Services) -> Inbox:
    return Wiring(services.settings, services.store).over(services.session, "").inbox


def set_aside(services: Services, ada: Any, message: bytes) -> None:
    """Have a message wait for an administrator."""
    system = Person(None, "OPENMRS@HILL", ada.clinic_id, Role.HOSPITAL_SYSTEM)
    assert inbox_over(services).set_aside(system, parse_message(message, "UNICODE UTF-8"), "No MRG segment.")
    services.session.commit()


def files_of(settings: Settings) -> int:
    """How many files are stored: films, what is held, and other objects."""
    return len(list(FilmStore(settings).films()))


def hills(settings: Settings) -> list[str]:
    """The clinics that anybody sees."""
    with closing(Database(settings)) as database, database.reading() as session:
        return list(session.scalars(select(Clinic.name)))


def _ada(services: Services, clinic: str = CLINIC) -> Any:
    address = f"ada.{clinic}@example.org".lower()
    return services.session.scalars(select(User).where(User.email == address)).one().person


def _said(entry: Any) -> tuple[Any, ...]:
    return entry.at, entry.action, entry.subject, entry.subject_key, entry.times
