"""How long a search by DICOMweb takes in a clinic of 100,000 studies: `python tests/benchmarks/qido.py [--studies N]`.

Fills a clinic with synthetic patients, each with a study of one DICOM film that was read, and asks for studies by each
of what indexes answer, and by what they do not. Times are the processor's, medians of many searches, of a database in
SQLite; the first search of a process decrypts the clinic's names.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import zlib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))

import synthetic
from lungwise.access import Person, Role
from lungwise.clinics.models import Clinic
from lungwise.dicomweb import query
from lungwise.dicomweb.instance_index import InstanceIndex
from lungwise.dicomweb.metadata import attribute
from lungwise.patients.models import Patient
from lungwise.reports.service import Reports
from lungwise.results.film_results import FilmResults
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, check_keys, keys_of, utc_now
from lungwise.store.migrations import upgrade
from lungwise.studies.film_models import FilmAttributes
from lungwise.studies.header_index import accession_context
from lungwise.studies.models import FilmRecord, ReadingRecord, Study
from lungwise.wiring import Wiring

ROUNDS = 20
FIRST_DAY = date(2025, 1, 1)
KINDS = {
    "patient ID": "PatientID=S-{n}",
    "accession number": "AccessionNumber=A{n}",
    "study UID": "StudyInstanceUID=1.2.{n}",
    "series UID": "SeriesInstanceUID=1.2.{n}.1",
    "instance UID": "SOPInstanceUID=1.2.{n}.1.1",
    "study date": "StudyDate=2025{month:02}15",
    "study dates, and a name": "StudyDate=20250101-20250630&PatientName=Bart*",
    "beginning of a name": "PatientName=Bart*",
    "beginnings of its components": "PatientName=Bart*^Clar*",
    "wildcard within a name": "PatientName=B?rt*",
    "beginning of a patient ID": "PatientID=S-{n}*",
    "leading wildcard (bounded)": "PatientName=*tok",
    "nothing, the newest": "",
}
"""What is asked, with a number that each search has anew."""


@click.command()
@click.option("--studies", default=100_000, show_default=True)
@click.option("--limit", default=25, show_default=True, help="Results of one answer.")
def main(studies: int, limit: int) -> None:
    """Print the times."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_folder=Path(folder))
        database = Database(settings)
        upgrade(database.engine)
        check_keys(database)
        with database.session(writes=True) as session:
            person = _fill(session, studies)
        for name, asked in KINDS.items():
            runs = [_time(database, settings, person, asked, n, studies, limit) for n in range(ROUNDS)]
            seconds, found = (statistics.median(values) for values in zip(*runs, strict=True))
            click.echo(f"{name:32}{seconds * 1000:8.1f} ms {found:6.0f} found")
        database.close()


def _time(
    database: Database, settings: Settings, person: Person, asked: str, number: int, studies: int, limit: int
) -> tuple[float, int]:
    """Ask once, in a session of its own as a request does; return the processor's seconds and how many were found."""
    text = asked.format(n=(number * 7919 + 4242) % studies, month=1 + number % 12)
    with database.reading() as session:
        services = Wiring(settings, FilmStore(settings)).over(session)
        results = FilmResults(services.studies, Reports(services.studies, str, settings), "Hill")
        index = InstanceIndex(person, services.archive, services.studies, results)
        before = time.process_time()
        parsed = query.parse([*parse_qsl(text), ("limit", str(limit))])
        answer = query.search(index, "studies", parsed, "https://lungwise.example.org/dicom-web")
        json.dumps(answer.found)
        return time.process_time() - before, len(answer.found)


def _fill(session: Session, studies: int) -> Person:
    clinic = Clinic(name="Hill", created_at=utc_now())
    session.add(clinic)
    session.flush()
    person = Person(None, "Ada", clinic.id, Role.ADMINISTRATOR)
    synthetic.fill(session, person, studies, utc_now() - timedelta(days=1), to_a_patient=1)
    patients = {patient.id: patient for patient in session.scalars(select(Patient))}
    rows = session.execute(select(Study.id, Study.patient_id, Study.created_at).order_by(Study.id)).all()
    for batch in synthetic.batched(enumerate(rows)):
        films = [_film(session, clinic.id, n, row.id, patients[row.patient_id], row.created_at) for n, row in batch]
        session.add_all(films)
        session.flush()
        session.expunge_all()
    session.commit()
    return person


def _film(session: Session, clinic: int, number: int, study: int, patient: Patient, at: datetime) -> FilmRecord:
    day = FIRST_DAY + timedelta(days=number % 365)
    film = FilmRecord(
        study_id=study,
        key=f"f{number}",
        sha256=f"{number}",
        kind="DICOM",
        size=1,
        created_at=at,
        study_uid=f"1.2.{number}",
        series_uid=f"1.2.{number}.1",
        instance_uid=f"1.2.{number}.1.1",
        study_date=day,
        accession_index=keys_of(session).index(accession_context(clinic), f"A{number}"),
    )
    film.attributes = FilmAttributes(film_key=film.key)
    film.attributes.packed = zlib.compress(json.dumps(_attributes(number, patient, day)).encode()) + b"."
    film.readings.append(
        ReadingRecord(
            model="inception_v3",
            version="2.0.0",
            created_at=at,
            verdict="negative",
            probability=0.1,
            appearance={},
            findings={},
            heat=bytes(289),
        )
    )
    return film


def _attributes(number: int, patient: Patient, day: date) -> dict[str, Any]:
    first, last = patient.name.split(" ")
    found = {
        "00080005": ("CS", "ISO_IR 192"),
        "00080016": ("UI", "1.2.840.10008.5.1.4.1.1.1.1"),
        "00080018": ("UI", f"1.2.{number}.1.1"),
        "00080020": ("DA", f"{day:%Y%m%d}"),
        "00080050": ("SH", f"A{number}"),
        "00080060": ("CS", "DX"),
        "00100010": ("PN", {"Alphabetic": f"{last}^{first}"}),
        "00100020": ("LO", patient.identifier),
        "0020000D": ("UI", f"1.2.{number}"),
        "0020000E": ("UI", f"1.2.{number}.1"),
        "00280010": ("US", 2500),
        "00280011": ("US", 2048),
    }
    return {tag: attribute(vr, value) for tag, (vr, value) in found.items()}


if __name__ == "__main__":
    sys.exit(main())
