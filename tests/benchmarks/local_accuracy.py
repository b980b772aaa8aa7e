"""How long the page on local accuracy takes: `python tests/benchmarks/local_accuracy.py [--studies N] [--tested N]`.

Fills a clinic with synthetic studies, films and readings, and results of some of them, and asks for the page often.
The first page of a process reads all films, which its later pages do not.
Times are the processor's, of a database in SQLite.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

import synthetic
from conftest import PASSWORD, Visitor
from lungwise.access import Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.audit.service import AuditTrail
from lungwise.jobs.reading_queue import Model
from lungwise.settings import Settings
from lungwise.store import check_keys, utc_now
from lungwise.store.migrations import upgrade
from lungwise.web_app import create_app
from synthetic_reader import SyntheticReader

ROUNDS = 15
BAR = 0.2
"""Seconds that a page may take."""


@click.command()
@click.option("--studies", default=100_000, show_default=True)
@click.option("--tested", default=2_000, show_default=True)
def main(studies: int, tested: int) -> None:
    """Print the times; fail where a page takes longer than it may."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_folder=Path(folder), argon2_time=1, argon2_memory=64)
        app = create_app(settings, SyntheticReader)
        upgrade(app.database.engine)
        check_keys(app.database)
        with app.database.writing() as session:
            accounts = Accounts(session, utc_now, settings, AuditTrail(session, utc_now))
            ada = accounts.add(Applicant("Ada", "ada@example.org", PASSWORD), "Hill", Role.DOCTOR).person
        with app.database.session(writes=True) as session:
            synthetic.fill(session, ada, studies, utc_now(), to_a_patient=1)
            synthetic.read(session, ada, Model(name="synthetic", version="1"))
            synthetic.enter_results(session, ada, tested / studies)
            synthetic.analyse(session)
        visitor = Visitor(app)
        visitor.sign_in("ada@example.org")
        _say("first page of a process", [_seconds(visitor, "/local-accuracy")])
        slowest = 0.0
        for finding in ("COVID-19", "tuberculosis"):
            path = f"/local-accuracy?finding={finding}"
            _seconds(visitor, path)
            times = [_seconds(visitor, path) for _round in range(ROUNDS)]
            _say(finding, times)
            slowest = max(slowest, statistics.median(times))
        app.database.close()
    if slowest > BAR:
        raise click.ClickException(f"A page takes longer than {BAR * 1000:.0f} ms.")


def _seconds(visitor: Visitor, path: str) -> float:
    before = time.process_time()
    answer = visitor.get(path)
    assert answer.status_code == 200
    return time.process_time() - before


def _say(name: str, times: list[float]) -> None:
    click.echo(f"{name:28}{statistics.median(times) * 1000:8.1f} ms, at most {max(times) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
