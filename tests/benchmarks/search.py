"""How long a search takes in a clinic of 100,000 patients: `python tests/benchmarks/search.py [--patients N]`.

Fills a clinic with synthetic patients and a study each, and searches patients and worklist by words that few, many and
nearly a tenth have, each many times. The first search of a process decrypts the clinic's names. Times are the
processor's, of a database in SQLite.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

import synthetic
from lungwise.access import Person, Role
from lungwise.audit.service import AuditTrail
from lungwise.clinics.models import Clinic
from lungwise.patients.name_index import index_of
from lungwise.patients.service import PatientFacts, Patients
from lungwise.settings import Settings
from lungwise.store import Database, check_keys, utc_now
from lungwise.store.migrations import upgrade
from lungwise.studies.worklist import Worklist, WorklistQuery

ROUNDS = 20
TEXTS = ("S-4242", "bart", "bela bartok", "am", "b", "nobody")


@click.command()
@click.option("--patients", default=100_000, show_default=True)
def main(patients: int) -> None:
    """Print the times."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Settings(data_folder=Path(folder)))
        upgrade(database.engine)
        check_keys(database)
        person = _fill(database, patients)
        with database.reading() as session:
            service = Patients(session, utc_now, AuditTrail(session, utc_now))
            worklist = Worklist(session, service)
            before = time.process_time()
            service.search.page(person, "nobody")
            _say("first search of a process", time.process_time() - before)
            lines = index_of(session)._clinic(person.clinic_id).lines
            size = sys.getsizeof(lines) + sum(sys.getsizeof(line) + 32 for line in lines.values())
            click.echo(f"{'memory of the names':32}{size / 2**20:8.1f} MiB")
            for text in TEXTS:
                _measure(f"patients: {text}", lambda text=text: service.search.page(person, text))  # type: ignore[misc]
                _measure(f"worklist: {text}", lambda text=text: worklist.page(person, WorklistQuery(text=text)))  # type: ignore[misc]
        with database.writing() as session:
            Patients(session, utc_now, AuditTrail(session, utc_now)).match_or_add(
                person, PatientFacts(identifier="N", name="New One")
            )
        with database.reading() as session:
            service = Patients(session, utc_now, AuditTrail(session, utc_now))
            _measure("patients, after a new one", lambda: service.search.page(person, "new one"), 1)
        database.close()


def _fill(database: Database, patients: int) -> Person:
    with database.session(writes=True) as session:
        clinic = Clinic(name="Hill", created_at=utc_now())
        session.add(clinic)
        session.flush()
        person = Person(None, "Ada", clinic.id, Role.ADMINISTRATOR)
        synthetic.fill(session, person, patients, utc_now() - timedelta(days=1), to_a_patient=1)
    return person


def _measure(name: str, action: Callable[[], object], rounds: int = ROUNDS) -> None:
    times = []
    for _round in range(rounds):
        before = time.process_time()
        action()
        times.append(time.process_time() - before)
    _say(name, statistics.median(times))


def _say(name: str, seconds: float) -> None:
    click.echo(f"{name:32}{seconds * 1000:8.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
