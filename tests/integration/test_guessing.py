"""Guesses at passwords, codes and recovery codes: every one is counted, in whatever form and by whichever process."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice, product
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sqlalchemy import delete, select

from conftest import open_app
from lungwise.accounts.models import SignInFailures
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import Database
from processes import PASSWORD, answers, served, until
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

GUESSES = 100
ADA = "ada@example.org"
SECRETS = {
    "password": ("/sign-in", {"email": ADA, "password": "a wrong one"}),
    "code": ("/second-factor/code", {"code": "000000"}),
    "recovery code": ("/second-factor/recovery", {"code": "aaaa-bbbb-cccc"}),
}
MANNERS = ("form", "JSON body", "JSON accept header")
TOO_MANY = "Too many attempts"


@dataclass(frozen=True)
class Trail:
    """What the audit trail says of guesses."""

    failed: int
    refused: list[int]


def trail(database: Database, since: int) -> Trail:
    with database.reading() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.id > since)).all()
        assert AuditTrail(session, lambda: rows[-1].at).verify() is None
    refused = [row.times or 0 for row in rows if row.action == "tried while locked"]
    return Trail(sum(row.action == "failed to sign in" for row in rows), refused)


def length(database: Database) -> int:
    with database.reading() as session:
        return len(session.scalars(select(AuditEntry.id)).all())


def highest_count(database: Database) -> int:
    with database.reading() as session:
        return max(session.scalars(select(SignInFailures.count)))


def sending(manner: str, fields: dict[str, str], token: str) -> dict[str, Any]:
    """Give how a guess is sent in one of the manners."""
    headers = {"X-CSRFToken": token}
    if manner == "JSON body":
        return {"json": fields, "headers": headers}
    accept = "application/json" if manner == "JSON accept header" else "text/html"
    return {"data": fields, "headers": headers | {"Accept": accept}}


def set_up_second_factor(visitor: Visitor, authenticator: Callable[[str], str]) -> None:
    visitor.sign_in(ADA)
    page = visitor.post("/second-factor", setup="authenticator").text
    secret = re.findall(r"Key: <code>([^<]+)", page)[0].replace("-", "")
    target = re.findall(r'action="(/second-factor[^"]*)"', page)[0]
    assert visitor.post(target, page="/second-factor", code=authenticator(secret)).status_code == 302


def token_in(page: str) -> str:
    return str(re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0])


@pytest.fixture
def generous(either: Settings) -> Settings:
    """Give settings that lock no address, so that the account's lock alone is seen."""
    return either.model_copy(update={"address_failures": 100_000, "readers": 0})


@pytest.fixture
def pages(generous: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Lungwise]:
    """Give the application over each database."""
    migrate(generous)
    yield from open_app(generous, clock)


def test_every_guess_is_counted_whatever_the_request_looks_like(
    pages: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    clock: Clock,
    authenticator: Callable[[str], str],
) -> None:
    enrol(pages, "Ada")
    set_up_second_factor(visit(pages), authenticator)
    one_by_one = pages.database.engine.dialect.name == "sqlite"  # on the other, in turn: it takes its time
    rounds = [(manner,) for manner in MANNERS] if one_by_one else [MANNERS]
    for (secret, (path, fields)), manners in product(SECRETS.items(), rounds):
        ada, before = visit(pages), length(pages.database)
        if secret != "password":
            ada.sign_in(ADA)
        token = token_in(ada.get("/sign-in" if secret == "password" else path).text)
        sent = [sending(manner, fields, token) for manner in manners]
        found = [ada.client.post(path, **given) for given in islice(cycle(sent), GUESSES)]
        assert {answer.mimetype for answer in found} == {"text/html"}, (secret, manners)
        assert [TOO_MANY in answer.text for answer in found] == [False] * 5 + [True] * (GUESSES - 5)
        assert highest_count(pages.database) == GUESSES
        assert trail(pages.database, before) == Trail(5, [1])
        clock.forward(seconds=61)
        assert TOO_MANY in ada.client.post(path, **sent[0]).text
        assert trail(pages.database, before) == Trail(5, [1, GUESSES - 5])
        clock.forward(minutes=15)


def test_every_guess_is_counted_by_several_processes(
    generous: Settings,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    pages: Lungwise,
    authenticator: Callable[[str], str],
) -> None:
    enrol(pages, "Ada")
    set_up_second_factor(visit(pages), authenticator)
    port, database = free_port(), pages.database
    site = f"http://127.0.0.1:{port}"
    with served(port, generous), ThreadPoolExecutor(4) as pool:
        until(lambda: answers(port))
        for secret, (path, fields) in SECRETS.items():
            with database.writing() as session:
                session.execute(delete(SignInFailures))
            before, browser = length(database), requests.Session()
            token = token_in(browser.get(f"{site}/sign-in").text)
            if secret != "password":
                right = {"email": ADA, "password": PASSWORD, "csrf_token": token}
                token = token_in(browser.post(f"{site}/sign-in", right).text)
            cookies = browser.cookies.get_dict()
            sent = [sending(manner, fields, token) | {"cookies": cookies} for manner in MANNERS]
            found = list(pool.map(partial(post, f"{site}{path}"), islice(cycle(sent), GUESSES)))
            assert sum(TOO_MANY not in page for page in found) == 5, secret
            assert highest_count(database) == GUESSES
            told = trail(database, before)
            assert told.failed == 5
            assert sum(told.refused) + unreported(database) == GUESSES - 5
            assert len(told.refused) <= 2


def post(address: str, sent: dict[str, Any]) -> str:
    return requests.post(address, **sent, timeout=60).text


def unreported(database: Database) -> int:
    with database.reading() as session:
        return max(session.scalars(select(SignInFailures.unreported)))
