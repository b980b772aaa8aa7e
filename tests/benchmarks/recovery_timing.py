"""Whether an answer's time tells who has an account: `python tests/benchmarks/recovery_timing.py`.

It serves an installation with a mail server, asks 200 times for an address with an account and 200 times for others, in
a random order, and prints the AUC of the times: 0.5 tells nothing, 1 tells all. 0.6 is the most that may be.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from inbox import inbox
from live_server import serving_site
from lungwise.settings import Registration, Settings
from lungwise.store import Database, check_keys
from lungwise.store.migrations import upgrade
from processes import PASSWORD

MOST = 0.6
HOST = "lungwise.example.org"
KNOWN = "ada@example.org"


class Stranger:
    """A browser that has not signed in."""

    def __init__(self, port: int, clinic: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookie = ""
        self._token = re.findall(r'csrf_token" value="([^"]+)"', self._ask("GET", "/password/forgotten"))[0]
        self._clinic = clinic

    def recover(self, email: str) -> None:
        """Ask for a link."""
        self._ask("POST", "/password/forgotten", email=email)

    def register(self, email: str) -> None:
        """Ask for an account."""
        fields = {"name": "Somebody", "password": PASSWORD, "again": PASSWORD, "clinic": str(self._clinic)}
        self._ask("POST", "/register", email=email, **fields)

    def _ask(self, method: str, path: str, **fields: str) -> str:
        headers = {"Host": HOST, "Cookie": self._cookie, "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({"csrf_token": self._token, **fields}) if fields else None
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        page = answer.read().decode()
        assert answer.status == 200, page
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            self._cookie = cookie.split(";")[0]
        return page


def auc(ask: Callable[[str], None], tries: int) -> dict[str, float]:
    """Ask in a random order, and compare the times."""
    for number in range(20):
        ask(f"warm{number}@example.org")
    order = [True, False] * tries
    random.shuffle(order)
    times: dict[bool, list[float]] = {True: [], False: []}
    for number, known in enumerate(order):
        email = KNOWN if known else f"ada{number:03}@example.org"
        began = time.perf_counter()
        ask(email)
        times[known].append(time.perf_counter() - began)
    with_account, without = np.array(times[True]), np.array(times[False])
    wins = (with_account[:, None] > without).mean() + (with_account[:, None] == without).mean() / 2
    return {
        "auc": round(float(max(wins, 1 - wins)), 3),
        "with_account_ms": round(float(np.median(with_account)) * 1000, 1),
        "without_ms": round(float(np.median(without)) * 1000, 1),
    }


@click.command(help=__doc__)
@click.option("--tries", default=200, show_default=True, help="How often to ask for each kind of address.")
@click.option("--database-url", default="", help="An empty MySQL or MariaDB database, instead of SQLite.")
@click.option("--quick-hashes", is_flag=True, help="Hash passwords in no time, so that the rest of registering shows.")
def main(tries: int, database_url: str, quick_hashes: bool) -> None:
    """Serve, ask and print; end with 1 where a page tells more than it may."""
    with tempfile.TemporaryDirectory() as folder, inbox() as box:
        cost = {"argon2_time": 1, "argon2_memory": 64} if quick_hashes else {}
        settings = Settings(data_folder=Path(folder), database_url=database_url, registration=Registration.APPROVED)
        settings = box.set_up(settings, public_url=f"https://{HOST}", **cost)
        database = Database(settings)
        upgrade(database.engine)
        check_keys(database)
        database.close()
        with serving_site(settings) as site:
            clinic = site.enrol("Ada").clinic_id
            stranger = Stranger(int(site.address.rsplit(":", 1)[1]), clinic)
            found = {"recovery": auc(stranger.recover, tries), "register": auc(stranger.register, tries)}
    click.echo(json.dumps(found, indent=1))
    sys.exit(any(one["auc"] > MOST for one in found.values()))


if __name__ == "__main__":
    main()
