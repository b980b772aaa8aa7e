"""What every test of the clinic's services begins with: settings, a database, a reader, an application, people."""

from __future__ import annotations

import base64
import gc
import hashlib
import hmac
import html
import io
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pymysql
import pytest
from flask.testing import FlaskClient
from hypothesis import settings as property_settings
from jinja2 import FileSystemBytecodeCache
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

import synthetic
from live_server import Site, add_account, serving_site
from lungwise.access import Person, Role
from lungwise.accounts.models import User
from lungwise.accounts.service import Accounts, Applicant
from lungwise.allocator import collect_rarely
from lungwise.audit.service import AuditTrail
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.jobs.queue import Queue
from lungwise.jobs.reading_worker import ReadingWorker
from lungwise.patients.service import IdentityRules, Patients
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, check_keys
from lungwise.store.keys import Keys
from lungwise.store.migrations import is_current, upgrade
from lungwise.studies.patient_studies import PatientStudies
from lungwise.studies.reference_results import ReferenceResults
from lungwise.studies.service import Studies
from lungwise.studies.worklist import Worklist
from lungwise.web_app import Lungwise, create_app
from one_session import StudiesInOneSession
from schemas import Schema, empty_again, make_schema, schema_of
from servers import MariaDb, Redis
from synthetic_reader import SyntheticReader

property_settings.register_profile("lungwise", deadline=None)  # no test asserts how fast a machine is
property_settings.load_profile("lungwise")

PASSWORD = "three green kites fly"


def pytest_configure() -> None:
    """Look for programs beside Python last: pynetdicom puts some there that bear the names of dcmtk's."""
    own = str(Path(sys.executable).parent)
    others = [folder for folder in os.environ["PATH"].split(os.pathsep) if folder != own]
    os.environ["PATH"] = os.pathsep.join([*others, own])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that train: they take longest, and one of the workers would end with them alone."""
    items.sort(key=lambda item: item.get_closest_marker("training") is None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Load the tests without looking for garbage, and look from then on among what they make."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        collect_rarely()


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Take away what a command set up: its logs would go to a stream that is closed with the command."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in [one for one in root.handlers if type(one) is logging.StreamHandler and one not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def _compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile each template once, rather than for each application."""
    cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    Lungwise.jinja_options = {**Lungwise.jinja_options, "bytecode_cache": cache}


@pytest.fixture(scope="session", autouse=True)
def _compiled_rules() -> Iterator[None]:
    """Compile what builds an address once, rather than for each application."""
    compile_builder, compiled = Rule._compile_builder, dict[tuple[object, ...], Any]()

    def builder(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, *rule._trace, repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", builder)
        yield


@pytest.fixture(scope="session")
def films_folder() -> Path:
    """The film collection; without it the test is skipped, on a continuous integration server it fails."""
    beside = Path(__file__).parents[2] / "shared" / "cxr"
    folder = Path(os.environ.get("LUNGWISE_TEST_FILMS", beside))
    if (folder / "films.csv").is_file():
        return folder
    reason = "the film collection is missing: set LUNGWISE_TEST_FILMS to the folder of its films.csv"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Clock:
    """A clock that stands still until it is set forward."""

    now: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 9, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        """Set the clock forward."""
        self.now += timedelta(**by)


@cache
def film_bytes(seed: int = 1, opacities: int = 0) -> bytes:
    """Draw a film's file."""
    return as_jpeg(synthetic_film(seed, opacities).resize((360, 400)))


def blank_bytes() -> bytes:
    """Draw a picture that is no chest film."""
    out = io.BytesIO()
    Image.new("L", (64, 64), 90).save(out, "JPEG")
    return out.getvalue()


@dataclass
class Services:
    """The services over one session, as the application wires them."""

    session: Session
    clock: Clock
    store: FilmStore
    settings: Settings
    audit: AuditTrail
    accounts: Accounts
    patients: Patients
    studies: StudiesInOneSession
    patient_studies: PatientStudies
    reference_results: ReferenceResults
    worklist: Worklist
    worker: ReadingWorker
    queue: Queue

    def person(self, name: str = "Ada", clinic: str = "Hill", role: Role = Role.ADMINISTRATOR) -> Person:
        """Open an account and give its person."""
        return self.user(name, clinic, role).person

    def user(self, name: str, clinic: str, role: Role) -> User:
        """Open an account."""
        address = f"{name}.{clinic}@example.org".lower()
        user = self.accounts.add(Applicant(name, address, PASSWORD), clinic, role)
        self.session.commit()
        return user

    def read_all(self) -> int:
        """Commit and read what is queued; say how many films that was."""
        self.session.commit()
        count = sum(1 for _ in self.worker.read_all())
        self.session.expire_all()
        return count


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDb]:
    """Start a MariaDB server of our own. Who stops it starts it again."""
    if shutil.which("mariadbd") is None:
        pytest.skip("Debian's mariadb-server is not installed")
    server = MariaDb()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mariadb(mariadb_server: MariaDb) -> str:
    """Give the MariaDB server's address without a database's name."""
    return mariadb_server.address


@pytest.fixture
def redis() -> Iterator[Redis]:
    """Start a Redis server of our own."""
    if shutil.which("redis-server") is None:
        pytest.skip("Debian's redis-server is not installed")
    server = Redis()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def mariadb_url(request: pytest.FixtureRequest, mariadb: str) -> Iterator[str]:
    """Make an empty database on the server, and give its URL; for a test that has it migrated, it is so already."""
    if "migrate" not in request.fixturenames:
        with _empty_mariadb(mariadb) as url:
            yield url
        return
    spare: list[str] = request.getfixturevalue("spare_mariadbs")
    schema: Schema = request.getfixturevalue("empty_mariadb")
    if spare:
        url = spare.pop()
    else:
        url = _new_mariadb(mariadb)
        make_schema(url, schema)
    yield url
    if empty_again(url, schema):
        spare.append(url)
    else:
        _drop_mariadb(url)


@pytest.fixture(scope="session")
def spare_mariadbs() -> list[str]:
    """Give the databases that a test has left as they were made."""
    return []


@contextmanager
def _empty_mariadb(address: str) -> Iterator[str]:
    url = _new_mariadb(address)
    yield url
    _drop_mariadb(url)


def _new_mariadb(address: str) -> str:
    name = f"lungwise_{os.urandom(6).hex()}"
    _tell_mariadb(address, f"CREATE DATABASE {name}")
    return f"mysql+pymysql://lungwise:secret@{address}/{name}"


def _drop_mariadb(url: str) -> None:
    address, name = url.rpartition("@")[2].split("/")
    _tell_mariadb(address, f"DROP DATABASE {name}")


def _tell_mariadb(address: str, statement: str) -> None:
    host, port = address.split(":")
    own = {"user": "lungwise", "password": "secret"}
    with pymysql.connect(host=host, port=int(port), **own, autocommit=True, ssl_disabled=True) as connection:
        connection.cursor().execute(statement)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give settings with a folder and keys of their own, a cheap password hash, administrators with a password only."""
    folder = tmp_path / "data"
    settings = Settings(data_folder=folder, argon2_time=1, argon2_memory=64, administrator_second_factor=False)
    Keys(settings).make()
    return settings


@pytest.fixture(params=["sqlite", "mariadb"])
def either(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Give the settings twice: for SQLite and for MariaDB."""
    if request.param == "sqlite":
        return settings
    return settings.model_copy(update={"database_url": request.getfixturevalue("mariadb_url")})


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one empty SQLite database, to be copied by each test."""
    folder = tmp_path_factory.mktemp("schema")
    database = Database(Settings(data_folder=folder))
    upgrade(database.engine)
    database.close()
    return folder / "lungwise.sqlite"


@pytest.fixture(scope="session")
def empty_mariadb(mariadb: str, tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """Migrate one empty MariaDB database, and give its schema, to be made again by each test."""
    with _empty_mariadb(mariadb) as url:
        database = Database(Settings(data_folder=tmp_path_factory.mktemp("schema"), database_url=url))
        upgrade(database.engine)
        database.close()
        return schema_of(url)


@pytest.fixture
def migrate(empty_sqlite: Path) -> Callable[[Settings], None]:
    """Give what makes the schema of an empty database, and the keys."""

    def migrate(settings: Settings) -> None:
        Keys(settings).make()
        if settings.database_url:
            _migrate_where_it_is_empty(settings)  # `mariadb_url` has made it mostly
            return
        settings.data_folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(empty_sqlite, settings.data_folder / "lungwise.sqlite")

    return migrate


def _migrate_where_it_is_empty(settings: Settings) -> None:
    database = Database(settings)
    if not is_current(database.engine):
        upgrade(database.engine)
    database.close()


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


@contextmanager
def mariadb_tells(clock: Clock) -> Iterator[None]:
    """Let MariaDB tell this process the time of a test's clock."""

    def set_time(_connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
        if "UTC_TIMESTAMP" in statement:
            cursor.execute(f"SET timestamp = {clock().timestamp():.6f}")

    event.listen(Engine, "before_cursor_execute", set_time)
    yield
    event.remove(Engine, "before_cursor_execute", set_time)


def open_services(settings: Settings, clock: Clock) -> Iterator[Services]:
    """Wire the services over one writing session."""
    database, store = Database(settings), FilmStore(settings)
    with mariadb_tells(clock), database.session(writes=True) as session:
        audit = AuditTrail(session, clock, "127.0.0.1")
        rules = IdentityRules.of(settings.own_issuers_list, settings.nobody_list)
        patients = Patients(session, clock, audit, rules)
        studies = StudiesInOneSession(session, clock, store, patients, audit)
        yield Services(
            session=session,
            clock=clock,
            store=store,
            settings=settings,
            audit=audit,
            accounts=Accounts(session, clock, settings, audit),
            patients=patients,
            studies=studies,
            reference_results=ReferenceResults(session, clock, studies, audit),
            patient_studies=PatientStudies(session, patients, Studies(session, clock, store, patients, audit)),
            worklist=Worklist(session, patients),
            worker=ReadingWorker(settings, database, store, clock, SyntheticReader, 1),
            queue=Queue(session, clock, audit),
        )
    database.close()


@pytest.fixture
def services(settings: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Services]:
    """Give the services over SQLite."""
    migrate(settings)
    yield from open_services(settings, clock)


@pytest.fixture
def either_services(either: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Services]:
    """Give the services over SQLite, and again over MariaDB."""
    migrate(either)
    yield from open_services(either, clock)


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Give the services over a clinic of some thousand synthetic studies, on SQLite and on MariaDB."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("large"), argon2_time=1, argon2_memory=64)
    with ExitStack() as stack:
        if request.param == "mariadb":
            url = stack.enter_context(_empty_mariadb(request.getfixturevalue("mariadb")))
            settings = settings.model_copy(update={"database_url": url})
        database = Database(settings)
        upgrade(database.engine)
        check_keys(database)
        database.close()
        clock = Clock()
        for services in open_services(settings, clock):
            synthetic.fill(services.session, services.person(), 3000, clock())
            synthetic.analyse(services.session)
            yield services


class Visitor:
    """Somebody with a browser that runs no script."""

    def __init__(self, app: Lungwise, address: str = "127.0.0.1") -> None:
        self.client: FlaskClient = app.test_client()
        self.client.environ_base["REMOTE_ADDR"] = address

    def get(self, path: str, **more: Any) -> TestResponse:
        """Open a page; a study's as its script does, again once the films are read."""
        if not re.fullmatch("/studies/[0-9a-f]{20}", path):
            return self.client.get(path, buffered=True, **more)
        self._wait_for_readings(path, 1)
        page = self.client.get(path, buffered=True, **more)
        waits = 'class="verdict waiting"' in page.text
        if waits and not re.search('/whose"|/corners"', page.text):  # nobody is asked anything: this machine is busy
            self._wait_for_readings(path, 20)
            page = self.client.get(path, buffered=True, **more)
        return page

    def _wait_for_readings(self, study: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (self.client.get(f"{study}/progress").json or {}).get("done") is False and time.monotonic() < end:
            time.sleep(0.02)

    def post(self, path: str, page: str | None = None, follow: bool = False, **fields: Any) -> TestResponse:
        """Send a form with the token of the page that it stands on."""
        token = token_of(self.get(page or path).text)
        return self.client.post(path, data={"csrf_token": token, **fields}, follow_redirects=follow)

    def sign_in(self, email: str, password: str = PASSWORD) -> TestResponse:
        """Sign in with a password."""
        return self.post("/sign-in", email=email, password=password)

    def upload(self, *films: bytes, **fields: Any) -> str:
        """Upload films and give the study's address."""
        files = [(io.BytesIO(data), f"{number}.jpg") for number, data in enumerate(films)]
        answer = self.post("/studies/new", films=files, **fields)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])


def token_of(page: str) -> str:
    """Find a page's form token."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    return found[1] if found else ""


def known_of(page: str) -> str:
    """Find what a page's form was filled with."""
    found = re.search(r'name="known"[^>]*value="([^"]+)"', page)
    return html.unescape(found[1]) if found else ""


@pytest.fixture
def app(settings: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Lungwise]:
    """Give the application over SQLite, its reading worker running."""
    migrate(settings)
    yield from open_app(settings, clock)


@pytest.fixture
def either_app(either: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Lungwise]:
    """Give the application over SQLite, and again over MariaDB."""
    migrate(either)
    yield from open_app(either, clock)


def open_app(settings: Settings, clock: Clock, reader: type[SyntheticReader] = SyntheticReader) -> Iterator[Lungwise]:
    """Open the application and start its reading worker."""
    app = create_app(settings, reader, clock)
    app.worker.start()
    yield app
    app.worker.stop()
    app.database.close()


@pytest.fixture
def enrol(clock: Clock) -> Callable[..., Person]:
    """Give what opens accounts behind an application."""

    def enrol(app: Lungwise, name: str, clinic: str = "Hill", role: Role = Role.DOCTOR) -> Person:
        settings: Settings = app.jinja_env.globals["lungwise_settings"]  # type: ignore[assignment]
        return add_account(app.database, settings, clock, name, clinic, role)

    return enrol


@pytest.fixture
def ada(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    """Give the browser of an administrator who has signed in; a module may have another."""
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    return ada


@pytest.fixture
def served(settings: Settings, migrate: Callable[[Settings], None]) -> Iterator[Site]:
    """Serve the pages over SQLite."""
    migrate(settings)
    with serving_site(settings) as site:
        yield site


@pytest.fixture
def either_served(either: Settings, migrate: Callable[[Settings], None]) -> Iterator[Site]:
    """Serve the pages over SQLite, and again over MariaDB."""
    migrate(either)
    with serving_site(either) as site:
        yield site


@pytest.fixture
def film() -> Callable[..., bytes]:
    """Give what draws a film's file."""
    return film_bytes


@pytest.fixture
def blank() -> bytes:
    """Give a picture that is no chest film."""
    return blank_bytes()


@pytest.fixture
def visit() -> Callable[..., Visitor]:
    """Give what opens a browser without script."""
    return Visitor


def code_now(secret: str, steps: int = 0) -> str:
    """Compute the code an authenticator app shows now, or so many steps of 30 seconds from now (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, (int(time.time() // 30) + steps).to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


@pytest.fixture
def authenticator() -> Callable[..., str]:
    """Give what an authenticator app computes of its key."""
    return code_now


@pytest.fixture
def synthetic_reader() -> type[SyntheticReader]:
    """Give the reader of synthetic films."""
    return SyntheticReader


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Start S3-compatible storage of our own, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while not _listens(port):
        if time.monotonic() > end:
            raise TimeoutError("the S3 server does not come up")
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(60)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def in_bucket(settings: Settings, s3_server: str) -> Settings:
    """Give settings whose films lie in a bucket of their own."""
    name = f"lungwise-{os.urandom(6).hex()}"
    access = {"s3_endpoint": s3_server, "s3_region": "us-east-1"}
    keys = {"s3_access_key": SecretStr("access"), "s3_secret_key": SecretStr("secret")}
    boto3.client(
        "s3",
        endpoint_url=s3_server,
        region_name="us-east-1",
        aws_access_key_id="access",
        aws_secret_access_key="secret",
    ).create_bucket(Bucket=name)
    return settings.model_copy(update={"films_url": f"s3://{name}/films", **access, **keys})


@pytest.fixture(params=["folder", "bucket"])
def everywhere_services(
    request: pytest.FixtureRequest, either: Settings, clock: Clock, migrate: Callable[[Settings], None]
) -> Iterator[Services]:
    """Give the services over each database, with films in a folder and again in a bucket."""
    if request.param == "bucket":
        place: Settings = request.getfixturevalue("in_bucket")
        either = place.model_copy(update={"database_url": either.database_url})
    migrate(either)
    yield from open_services(either, clock)
