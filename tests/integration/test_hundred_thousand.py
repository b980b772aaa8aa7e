"""100,000 studies: search, worklist and statistics read a few rows of them, by plans that read no whole table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import synthetic
from conftest import PASSWORD, Visitor, token_of
from lungwise.access import Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.audit.service import AuditTrail
from lungwise.patients.warming import NameReader
from lungwise.settings import Settings
from lungwise.store import check_keys, utc_now
from lungwise.store.migrations import upgrade
from lungwise.web_app import Lungwise, create_app
from plans import explained, is_maria, rows_read, run, statements, steps_taken
from synthetic_reader import SyntheticReader

if TYPE_CHECKING:
    from servers import MariaDb

STUDIES = 100_000
STEPS_A_ROW = 12
"""Instructions that SQLite's virtual machine has for a row."""
PAGES: list[tuple[str, dict[str, str], float]] = [
    ("/studies", {}, 0.01),
    ("/studies", {"order": "probable"}, 0.01),
    ("/studies", {"order": "urgent"}, 0.01),
    ("/studies", {"standing": "positive", "unread": "y"}, 0.01),
    ("/studies", {"finding": "tuberculosis", "order": "urgent"}, 0.01),
    ("/studies", {"finding": "tuberculosis", "standing": "uncertain"}, 0.01),
    ("/studies", {"before": "end"}, 0.01),
    ("/studies", {"text": "bartok"}, 0.2),  # a twelfth of the studies
    ("/studies", {"text": "clara lambert", "standing": "negative", "order": "probable"}, 0.05),
    ("/studies", {"text": "S-77"}, 0.02),
    ("/studies", {"text": "nobody"}, 0.01),
    ("/patients", {"text": "bartok"}, 0.02),
    ("/patients", {"text": "S-77"}, 0.02),
    ("/statistics", {}, 0.7),  # of half a year, and each of its PCR results
]
"""Pages, and the share of all studies that each may read."""
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
    check_keys(app.database)
    with app.database.writing() as session:
        accounts = Accounts(session, utc_now, settings, AuditTrail(session, utc_now))
        ada = accounts.add(Applicant("Ada", "ada@example.org", PASSWORD), "Hill", Role.DOCTOR).person
    with app.database.session(writes=True) as session:
        synthetic.fill(session, ada, STUDIES, utc_now())
        synthetic.analyse(session)
    NameReader(app.database).run()  # as a server does when it starts
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
        answer = ada.client.open(path, follow_redirects=True, **sent)
        assert answer.status_code == 200
        return answer.text

    return ask


@pytest.mark.parametrize(("path", "fields", "share"), PAGES, ids=str)
def test_a_page_reads_no_whole_table_and_a_small_share_of_it(
    app: Lungwise, page: Callable[[str, dict[str, str]], str], path: str, fields: dict[str, str], share: float
) -> None:
    """How long it takes is for `benchmarks/pages.py`: a clock tells of what else the machine does, too."""
    seen = statements(app.database.engine, lambda: page(path, fields))
    questions = [question for question in seen if question[0].startswith("SELECT")]
    assert any(re.search(rf"FROM ({_LARGE})", statement) for statement, _values in questions)
    with app.database.reading() as session:
        for plan in (explained(session, question) for question in questions):
            assert not re.search(rf"SCAN ({_LARGE})(?! USING)|({_LARGE}) ALL", plan), plan
        count, most = (rows_read, 1) if is_maria(session) else (steps_taken, STEPS_A_ROW)
        counted = count(session, lambda: [run(session, question) for question in questions])
        assert 0 < counted < share * STUDIES * most
