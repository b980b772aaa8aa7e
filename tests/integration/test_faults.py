"""Parts that go away and come back: the doctor is told, nothing is lost, nothing is read twice."""

from __future__ import annotations

import io
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from lungwise.access import Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.audit.service import AuditTrail
from lungwise.patients.service import PatientFacts, Patients
from lungwise.receiving.uploads import Limits
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord
from lungwise.web_app import create_app
from one_session import StudiesInOneSession
from processes import PASSWORD, SYNTHETIC, Sender, running, until
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.films import Film
    from lungwise.reading.reading import Reading
    from lungwise.web_app import Lungwise
    from servers import MariaDb, Redis
    from synthetic_reader import SyntheticReader


LIMITS = Limits(films=50, film_bytes=60 << 20, total_bytes=300 << 20)
APPLICANT = Applicant("Ada", "ada@example.org", PASSWORD)
STUCK = [*SYNTHETIC[:-1], str(Path(__file__).parents[1] / "with_stuck_reader.py")]


LOOKED_AT: dict[str, Database] = {}
READ = '{"before":0,"done":true,"films":1,"read":1}\n'


class SlowReader:
    """Takes as long over a film as it is made to, and counts them."""

    model, version = "synthetic", "1"

    def __init__(self, reader: SyntheticReader) -> None:
        self.reader, self.films = reader, 0
        self.begun, self.may_end = threading.Event(), threading.Event()

    def read(self, film: Film) -> Reading:
        self.films += 1
        self.begun.set()
        assert self.may_end.wait(20)
        return self.reader.read(film)


class Doctor:
    """A doctor who has the form for new studies open, and keeps sending it."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        visitor.sign_in("ada@example.org")
        self.token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', visitor.get("/studies/new").text)[0]

    def send(self, *films: bytes) -> tuple[int, str]:
        """Send films; give the answer's status and page, or the new study's address."""
        files: Any = [(io.BytesIO(data), f"{number}.jpg") for number, data in enumerate(films)]
        answer = self.visitor.client.post("/studies/new", data={"csrf_token": self.token, "films": files})
        return answer.status_code, answer.text if answer.status_code != 302 else str(answer.headers["Location"])


@contextmanager
def opened(settings: Settings, clock: Clock, make_reader: Callable[[], Any]) -> Iterator[Lungwise]:
    app = create_app(settings, make_reader, clock)
    app.worker.start()
    try:
        yield app
    finally:
        app.worker.stop()
        app.database.close()


@pytest.fixture(autouse=True)
def _looked_at() -> Iterator[None]:
    """Close what `looked_at` has opened."""
    yield
    while LOOKED_AT:
        LOOKED_AT.popitem()[1].close()


def looked_at(settings: Settings) -> Database:
    """Give the database of an installation, opened once: those who wait for something look twenty times a second."""
    if settings.database not in LOOKED_AT:
        LOOKED_AT[settings.database] = Database(settings)
    return LOOKED_AT[settings.database]


def counted(settings: Settings) -> tuple[int, int, int]:
    """Count films, films read, and readings; a film that is read twice shows as one reading too many."""
    with looked_at(settings).reading() as session:
        films = session.scalar(select(func.count()).select_from(FilmRecord)) or 0
        done = session.scalar(select(func.count()).select_from(Job).where(Job.state == JobState.DONE)) or 0
        readings = session.scalar(select(func.count()).select_from(ReadingRecord)) or 0
    return films, done, readings


def attempts(settings: Settings) -> list[int]:
    with looked_at(settings).reading() as session:
        return list(session.scalars(select(Job.attempts)))


def test_the_database_goes_away_and_comes_back(
    mariadb_server: MariaDb,
    mariadb_url: str,
    settings: Settings,
    migrate: Callable[[Settings], None],
    enrol: Callable[..., Person],
    visit: Callable[..., Visitor],
    film: Callable[..., bytes],
    clock: Clock,
    synthetic_reader: type[SyntheticReader],
) -> None:
    settings = settings.model_copy(update={"database_url": mariadb_url})
    migrate(settings)
    reader = SlowReader(synthetic_reader())
    with opened(settings, clock, lambda: reader) as app:
        enrol(app, "Ada")
        ada = Doctor(visit(app))
        assert ada.send(film(1))[0] == 302
        assert reader.begun.wait(60)
        mariadb_server.stop()
        try:
            status, page = ada.send(film(2))
            assert (status, "Nothing you just sent was kept" in page) == (503, True)
            worklist = ada.visitor.get("/studies", headers={"Accept-Language": "fr"})
            said = "La base de données est injoignable en ce moment. Veuillez réessayer."
            assert (worklist.status_code, said in worklist.text, "perdu" in worklist.text) == (503, True, False)
            assert visit(app).get("/readyz").status_code == 503
            assert visit(app).get("/healthz").status_code == 200
            reader.may_end.set()  # the first film's reading is done, and cannot be written
        finally:
            mariadb_server.start()
        assert ada.send(film(2))[0] == 302
        until(lambda: counted(settings) == (2, 2, 2))
        assert (reader.films, attempts(settings)) == (2, [1, 1])


def test_the_store_goes_away_and_comes_back(
    app: Lungwise,
    settings: Settings,
    enrol: Callable[..., Person],
    visit: Callable[..., Visitor],
    film: Callable[..., bytes],
) -> None:
    enrol(app, "Ada")
    ada = Doctor(visit(app))
    study = ada.send(film(1))[1]
    until(lambda: counted(settings) == (1, 1, 1))
    picture = re.findall(r'src="(/films/\w+/[^"?]+\.jpg)', ada.visitor.get(study).text)[0]
    away = settings.films_folder.rename(settings.data_folder / "away")
    status, page = ada.send(film(2), film(3))
    assert (status, "storage cannot be reached right now. Nothing from this upload was saved" in page) == (503, True)
    assert ada.visitor.get(study).status_code == 200  # what was read can still be seen
    assert ada.visitor.get(picture).status_code == 503
    assert ada.visitor.get("/readyz").status_code == 503
    assert not settings.films_folder.exists()  # it is not made anew where its disk is missing
    assert counted(settings) == (1, 1, 1)
    away.rename(settings.films_folder)
    assert ada.visitor.get(picture).status_code == 200
    assert ada.send(film(2), film(3))[0] == 302
    until(lambda: counted(settings) == (3, 3, 3))


def test_redis_goes_away_and_comes_back(
    redis: Redis,
    settings: Settings,
    migrate: Callable[[Settings], None],
    enrol: Callable[..., Person],
    visit: Callable[..., Visitor],
    film: Callable[..., bytes],
    clock: Clock,
    synthetic_reader: type[SyntheticReader],
) -> None:
    settings = settings.model_copy(update={"broker_url": SecretStr(redis.url)})
    migrate(settings)
    with opened(settings, clock, synthetic_reader) as app, running([*SYNTHETIC, "worker"], settings):
        enrol(app, "Ada")
        ada = Doctor(visit(app))
        assert ada.send(film(1))[0] == 302
        until(lambda: counted(settings) == (1, 1, 1))
        redis.stop()
        status, study = ada.send(film(2))
        assert status == 302
        page = ada.visitor.get(study)
        assert (page.status_code, "Being read" in page.text) == (200, True)
        redis.start()
        until(lambda: counted(settings) == (2, 2, 2))
        assert attempts(settings) == [1, 1]


def own_mounts() -> list[str]:
    """Give what begins a command that may mount for itself alone: without root too, where the kernel allows it."""
    for allowed in (["--map-root-user", "--mount"], ["--mount"]):
        trial = ["unshare", *allowed, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if subprocess.run(trial, stderr=subprocess.DEVNULL).returncode == 0:
            return ["unshare", *allowed]
    pytest.skip("a file system of its own needs root, or user name spaces (sysctl kernel.unprivileged_userns_clone=1)")


def test_a_full_disk_takes_nothing_and_keeps_what_it_has(
    settings: Settings,
    migrate: Callable[[Settings], None],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
    clock: Clock,
    synthetic_reader: type[SyntheticReader],
) -> None:
    """The films and the SQLite database lie on a file system of 8 MB, in a name space of the server's own."""
    settings = settings.model_copy(update={"port": free_port()})
    prepared = settings.model_copy(update={"data_folder": settings.data_folder.with_name("prepared")})
    migrate(prepared)
    with opened(prepared, clock, synthetic_reader) as app:
        enrol(app, "Ada")
    folder = settings.data_folder
    small = f"mount -t tmpfs -o size=8m tmpfs {folder} && cp -r {prepared.data_folder}/. {folder}"
    served = [*own_mounts(), "sh", "-c", f'{small} && exec "$@"', "sh", *SYNTHETIC, "serve"]
    with running(served, settings, ready="Sign in") as server:
        inside = Path(f"/proc/{server.pid}/root{folder}")
        ada = Sender(settings.port)
        ada.sign_in()
        token = ada.token("/studies/new")
        first = ada.send("/studies/new", token, film(1))
        with (inside / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space left"):
            while True:
                ballast.write(bytes(4096))
        status, said = ada.post("/studies/new", token, film(2))
        assert (status, "The disk is full. Nothing you just sent was kept" in said) == (507, True)
        (inside / "ballast").unlink()
        second = ada.send("/studies/new", token, film(2))
        for study in (first, second):
            until(lambda study=study: ada.ask("GET", study.replace("/films", "/progress"))[2] == READ)  # type: ignore[misc]
        ada.connection.close()


def at(moved: str) -> list[str]:
    """Begin a command whose clock is set forwards or back."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return ["env", f"LD_PRELOAD={library}", f"FAKETIME={moved}", "FAKETIME_DONT_FAKE_MONOTONIC=1"]


def queue_films(settings: Settings, clock: Clock, films: list[bytes]) -> None:
    """Queue films as a process of the pages does."""
    database = Database(settings)
    with database.writing() as session:
        audit = AuditTrail(session, clock)
        patients = Patients(session, clock, audit)
        studies = StudiesInOneSession(session, clock, FilmStore(settings), patients, audit)
        person = Accounts(session, clock, settings, audit).add(APPLICANT, "Hill", Role.DOCTOR).person
        studies.open(person, PatientFacts(), [(str(n), data) for n, data in enumerate(films)])
    database.close()


def test_readers_of_four_processes_get_in_nobodys_way(
    either: Settings, migrate: Callable[[Settings], None], film: Callable[..., bytes], clock: Clock
) -> None:
    migrate(either)
    queue_films(either, clock, [film(seed) for seed in range(40)])
    with ExitStack() as stack:
        for _process in range(2):
            stack.enter_context(running([*SYNTHETIC, "worker", "--readers", "2"], either))
        until(lambda: counted(either) == (40, 40, 40))
    assert attempts(either) == [1] * 40


def test_clocks_that_are_set_forwards_and_back_do_no_harm(
    settings: Settings, migrate: Callable[[Settings], None], film: Callable[..., bytes], clock: Clock
) -> None:
    """On SQLite the database's clock is each process's own: here they are two days apart."""
    settings = settings.model_copy(update={"lease_seconds": 3})
    migrate(settings)
    queue_films(settings, clock, [film(seed) for seed in range(12)])
    with ExitStack() as stack:
        for moved in ("+1d", "-1d"):
            stack.enter_context(running([*at(moved), *SYNTHETIC, "worker"], settings))
        until(lambda: counted(settings) == (12, 12, 12))


@pytest.mark.parametrize("moved", ["+0", "-1d"])
def test_what_a_killed_reader_had_in_hand_is_read_by_one_that_lives(
    moved: str,
    settings: Settings,
    migrate: Callable[[Settings], None],
    film: Callable[..., bytes],
    clock: Clock,
) -> None:
    """Also where the clock is set back meanwhile, so that the lease ends in a day."""
    settings = settings.model_copy(update={"lease_seconds": 3})
    migrate(settings)
    queue_films(settings, clock, [film(1)])
    with running([*STUCK, "worker"], settings):
        until(lambda: attempts(settings) == [1])
    with running([*at(moved), *SYNTHETIC, "worker"], settings):
        until(lambda: counted(settings) == (1, 1, 1))
    assert attempts(settings) == [2]
