"""How fast the pages are with 100,000 studies: `python tests/benchmarks/pages.py [--mariadb] [--studies N] [--json]`.

Makes a database of synthetic studies in a temporary folder (or on a MariaDB server of its own), asks the
application for every kind of page as a signed-in doctor's browser would, and prints the fastest,
the median and the 95th percentile.
All figures are of this machine and moment: stop other work first.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import PASSWORD, Visitor, token_of
from lungwise.access import Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.audit.service import AuditTrail
from lungwise.monitoring.drift import read_reference
from lungwise.settings import Settings
from lungwise.store import check_keys, utc_now
from lungwise.store.migrations import upgrade
from lungwise.web_app import Lungwise, create_app
from servers import MariaDb
from synthetic import analyse, fill, read
from synthetic_reader import SyntheticReader

ROUNDS = 20
DEPTH = 25
FILTERS: dict[str, dict[str, str]] = {
    "everything": {},
    "unread only": {"unread": "y"},
    "one verdict": {"standing": "positive"},
    "tuberculosis": {"finding": "tuberculosis"},
    "tuberculosis, one verdict": {"finding": "tuberculosis", "standing": "uncertain"},
    "one month": {"since": "-200", "until": "-170"},
    "one day": {"since": "-200", "until": "-200"},
    "one verdict, one month": {"standing": "uncertain", "since": "-200", "until": "-170"},
    "a common name": {"text": "bartok"},
    "a common beginning": {"text": "b"},
    "two words": {"text": "clara lambert"},
    "an identifier": {"text": "S-77"},
    "nobody": {"text": "nobody"},
    "a common name, one verdict, one month": {"text": "okafor", "standing": "negative", "since": "-90", "until": "-60"},
}


@click.command()
@click.option("--mariadb", is_flag=True, help="On a MariaDB server of its own instead of SQLite.")
@click.option("--studies", default=100_000, show_default=True, type=click.IntRange(200))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(mariadb: bool, studies: int, as_json: bool) -> None:
    """Measure the pages over a large database."""
    with tempfile.TemporaryDirectory() as folder, _settings(Path(folder), mariadb) as settings:
        app = create_app(settings, SyntheticReader)
        _fill(app, settings, studies)
        measured = {name: _times(page) for name, page in _pages(app)}
        app.database.close()
    if as_json:
        click.echo(json.dumps(measured))
        return
    for name, one in measured.items():
        click.echo(f"{name:75} {one['fastest']:7.1f} {one['median']:7.1f} {one['p95']:7.1f} ms")


@contextmanager
def _settings(folder: Path, mariadb: bool) -> Iterator[Settings]:
    if not mariadb:
        yield Settings(data_folder=folder, administrator_second_factor=False)
        return
    server = MariaDb()
    try:
        yield Settings(data_folder=folder, database_url=server.new_database(), administrator_second_factor=False)
    finally:
        server.remove()


def _fill(app: Lungwise, settings: Settings, studies: int) -> None:
    database = app.database
    upgrade(database.engine)
    check_keys(database)
    with database.writing() as session:
        accounts = Accounts(session, utc_now, settings, AuditTrail(session, utc_now))
        person = accounts.add(Applicant("Ada", "ada@example.org", PASSWORD), "Hill", Role.ADMINISTRATOR).person
    with database.session(writes=True) as session:
        fill(session, person, studies, utc_now())
        read(session, person, read_reference().model)
        analyse(session)


def _times(page: Callable[[], None]) -> dict[str, float]:
    page()
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        page()
        times.append((time.perf_counter() - began) * 1000)
    median, p95 = np.percentile(times, (50, 95))
    return {"fastest": round(min(times), 1), "median": round(float(median), 1), "p95": round(float(p95), 1)}


def _pages(app: Lungwise) -> Iterator[tuple[str, Callable[[], None]]]:
    ada = Visitor(app)
    ada.sign_in("ada@example.org")
    token = token_of(ada.get("/studies").text)
    today = utc_now().date()
    addresses: dict[tuple[object, ...], str] = {}

    def ask(path: str, fields: dict[str, str]) -> str:
        dated = {
            name: (today + timedelta(days=int(value))).isoformat() if name in ("since", "until") else value
            for name, value in fields.items()
        }
        address = addresses.get((path, *dated.items()))
        if address is None:  # what a browser asks for is the address to which the search leads
            sent = ada.client.post(path, data={"csrf_token": token, **dated})
            address = addresses.setdefault((path, *dated.items()), sent.headers["Location"])
        answer = ada.client.get(address)
        assert answer.status_code == 200, answer.text
        return answer.text

    def page(path: str, fields: dict[str, str]) -> Callable[[], None]:
        return lambda: void(ask(path, fields))

    for order in ("newest", "urgent", "probable"):
        for name, fields in FILTERS.items():
            wanted = {"order": order, **fields}
            for place, fields_there in _places(ask, wanted).items():
                yield f"worklist, {order}, {name}, {place}", page("/studies", fields_there)
    for name in ("bartok", "b", "clara lambert", "S-77", "nobody"):
        yield f"patients, {name}", page("/patients", {"text": name})
    yield "statistics", lambda: void(ada.get("/statistics").text)
    yield "drift", lambda: void(ada.get("/drift").text)


def _places(ask: Callable[[str, dict[str, str]], str], wanted: dict[str, str]) -> dict[str, dict[str, str]]:
    """The first page, one far in, and the last ones of a list."""
    deep = wanted
    for _ in range(DEPTH):
        after = _named(ask("/studies", deep), "after")
        if not after:
            break
        deep = {**wanted, "after": after}
    last = {**wanted, "before": "end"}
    before = _named(ask("/studies", last), "before")
    places = {"first": wanted, "deep": deep, "last": last}
    return places | ({"last but one": {**wanted, "before": before}} if before else {})


def _named(page: str, name: str) -> str:
    """The position in the last link of a page that has one of that name."""
    values = re.findall(f'[?;]{name}=([^"&]+)"', page)
    return "" if not values or values[0] == "end" else unquote(values[0])


def void(_text: str) -> None:
    """Drop a page."""


if __name__ == "__main__":
    main()
