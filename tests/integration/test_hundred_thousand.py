"""100,000 studies: search, worklist and statistics take less than 100 ms, by plans that read no whole table."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from sqlalchemy import event

import synthetic
from conftest import PASSWORD, SyntheticReader, Visitor, token_of
from lungwise.access import Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.audit.service import AuditTrail
from lungwise.patients.warming import NameReader
from lungwise.settings import Settings
from lungwise.store import utc_now
from lungwise.store.migrations import upgrade
from lungwise.web_app import Lungwise, create_app

if TYPE_CHECKING:
    from servers import MariaDb

STUDIES = 100_000
TRIES = 10
PAGES: list[tuple[str, dict[str, str]]] = [
    ("/studies", {}),
    ("/studies", {"order": "probable"}),
    ("/studies", {"standing": "positive", "unread": "y"}),
    ("/studies", {"before": "end"}),
    ("/studies", {"text": "bartok"}),
    ("/studies", {"text": "clara lambert", "standing": "negative", "order": "probable"}),
    ("/studies", {"text": "S-77"}),
    ("/studies", {"text": "nobody"}),
    ("/patients", {"text": "bartok"}),
    ("/patients", {"text": "S-77"}),
    ("/statistics", {}),
]
_LARGE = "studies|patients"


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lungwise]:
    """Give the application over a clinic of 100,000 studies of the last year."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("district"), argon2_time=1, argon2_memory=64)
    if request.param == "mariadb":
        server: MariaDb = request.getfixturevalue("mariadb_server")
        settings = settings.model_copy(update={"database_url": server.new_database()})
    app = create_app(settings, SyntheticReader)
    upgrade(app.database.engine)
    with app.database.writing() as session:
        accounts = Accounts(session, utc_now, settings, AuditTrail(session, utc_now))
        ada = accounts.add(Applicant("Ada", "ada@example.org", PASSWORD), "Hill", Role.DOCTOR).person
    with app.database.session(writes=True) as session:
        synthetic.fill(session, ada, STUDIES, utc_now())
        synthetic.analyse(session)
    NameReader(app.database).read_all()  # as a server does when it starts
    yield app
    app.database.close()


@pytest.fixture(scope="module")
def page(app: Lungwise) -> Callable[[str, dict[str, str]], str]:
    """Give what asks for a page as a signed-in doctor."""
    ada = Visitor(app)
    ada.sign_in("ada@example.org")
    token = token_of(ada.get("/studies").text)

    def ask(path: str, fields: dict[str, str]) -> str:
        sent: dict[str, Any] = {"data": {"csrf_token": token, **fields}, "method": "POST"} if fields else {}
        answer = ada.client.open(path, **sent)
        assert answer.status_code == 200
        return answer.text

    return ask


@contextmanager
def noted(app: Lungwise) -> Iterator[list[tuple[str, Any]]]:
    """Note the questions that are put to the database."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, _context: object, _many: bool) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, values))

    event.listen(app.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(app.database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize(("path", "fields"), PAGES, ids=lambda part: str(part))
def test_a_page_is_quick_and_reads_no_whole_table(
    app: Lungwise,
    page: Callable[[str, dict[str, str]], str],
    path: str,
    fields: dict[str, str],
    request: pytest.FixtureRequest,
) -> None:
    """Quick in processor time, of the pages and of the database: that is steady while others use the machine."""
    with noted(app) as questions:
        page(path, fields)
    assert any(re.search(rf"FROM ({_LARGE})", statement) for statement, _values in questions)
    for plan in (explained(app, *question) for question in questions):
        assert not re.search(rf"SCAN ({_LARGE})(?! USING)|({_LARGE}) ALL", plan), plan
    before = spent(request)
    for _try in range(TRIES):
        page(path, fields)
    assert (spent(request) - before) / TRIES < 0.1


def explained(app: Lungwise, statement: str, values: Any) -> str:
    explain = "EXPLAIN" if app.database.engine.dialect.name == "mysql" else "EXPLAIN QUERY PLAN"
    with app.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"{explain} {statement}", values)
        return " | ".join(" ".join(map(str, row)) for row in rows)


def spent(request: pytest.FixtureRequest) -> float:
    """Seconds of processor time that this process and MariaDB have had."""
    here = time.process_time()
    if request.getfixturevalue("app").database.engine.dialect.name == "sqlite":
        return here
    server: MariaDb = request.getfixturevalue("mariadb_server")
    assert server.process is not None
    used = psutil.Process(server.process.pid).cpu_times()
    return here + float(used.user + used.system)
