"""What lies on the disks says nothing without the keys; with them, a backup brings everything back."""

from __future__ import annotations

import io
import logging
import re
import shutil
import subprocess
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from click.testing import CliRunner
from pydicom import dcmread
from pydicom.data import get_testdata_file
from sqlalchemy import make_url, select

from lungwise.access import Role
from lungwise.audit.actions import Action
from lungwise.cli import main
from lungwise.patients.service import PatientFacts
from lungwise.store import Base, Database, FilmStore, check_keys
from lungwise.store.backup import check_films
from lungwise.store.secret_key import check_secret_key
from lungwise.studies.service import Conclusion, Study
from queued_results import withdraw

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services, Visitor
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

SECRETS = (
    "Bartók",
    "bartok",
    "Szőllős",
    "सुनीता",
    "SECRET-7",
    "secret-7",
    "1981-03-25",
    "CompressedSamples",  # the DICOM film's own patient
    "1CT1",
    "a scar on the left",
    "JFIF",
    "DICM",
    "1.2.840.10008",
)


def work_a_day(app: Lungwise, visit: Callable[..., Visitor], film: Callable[..., bytes]) -> list[bytes]:
    """Upload, conclude, search, rename and delete through the pages; give the films."""
    dicom = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    films = [film(1), film(2, 8), dicom, film(3)]
    ada = visit(app)
    ada.sign_in("ada@example.org")
    facts = {"identifier": "SECRET-7", "name": "Béla Bartók", "sex": "M", "birth_date": "1981-03-25"}
    study = ada.upload(films[0], films[1], **facts)
    ada.upload(dicom)
    gone = ada.upload(films[3], identifier="SECRET-8", name="सुनीता")
    ada.post(f"{study}/opinions", page=study, agrees="no", note="a scar on the left")
    patient = re.findall(r'href="(/patients/\w+)"', ada.get(study).text)[0]
    ada.post(f"{patient}/change", identifier="SECRET-7", name="Béla Szőllős", birth_date="1981-03-25")
    assert "Szőllős" in ada.post("/patients", text="szollos", follow=True).text
    assert "Szőllős" in ada.post("/studies", text="SECRET-7", follow=True).text
    ada.get(f"{study}/report.pdf")
    assert ada.post(f"{gone}/delete", page=gone, sure="y").status_code == 302
    return films


def dump(settings: Settings) -> bytes:
    """Give the database as a thief finds it: its files as they lie there now, or the server's dump."""
    if not settings.database_url:
        return b"".join(path.read_bytes() for path in settings.data_folder.glob("lungwise.sqlite*"))
    url = make_url(settings.database_url)
    done = subprocess.run(
        ["mariadb-dump", f"-h{url.host}", f"-P{url.port}", f"-u{url.username}", f"-p{url.password}", str(url.database)],
        check=True,
        capture_output=True,
    )
    assert b"INSERT INTO `patients`" in done.stdout
    return done.stdout


def strings(data: bytes) -> str:
    """Read bytes with `strings`, in every width of letter that it knows, UTF-8 among them."""
    found = b""
    for encoding in ("s", "S", "b", "l", "B", "L"):
        command = ["strings", "-a", "-n", "3", "-e", encoding]
        found += subprocess.run(command, input=data, check=True, capture_output=True).stdout
    return found.decode("utf-8", errors="replace")


def kept_plain(dicom: bytes) -> list[bytes]:
    """Give what the threat model says is not encrypted: the UIDs that archives ask by, and what made the film."""
    film = dcmread(io.BytesIO(dicom), stop_before_pixels=True)
    uids = (film.StudyInstanceUID, film.SeriesInstanceUID, film.SOPInstanceUID)
    return [str(value).encode() for value in (*uids, film.Manufacturer, film.ManufacturerModelName)]


def test_a_dump_and_the_films_files_show_no_name_no_identifier_and_no_film(
    either_app: Lungwise,
    either: Settings,
    enrol: Callable[..., Any],
    visit: Callable[..., Visitor],
    film: Callable[..., bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    enrol(either_app, "Ada", role=Role.ADMINISTRATOR)
    films = work_a_day(either_app, visit, film)
    files = [path.read_bytes() for path in either.films_folder.rglob("*") if path.is_file()]
    assert len(files) == 3
    everywhere = {"database": dump(either), "films": b"".join(files), "log": caplog.text.encode()}
    for where, data in everywhere.items():
        words = strings(data)
        for secret in SECRETS:
            assert secret not in words, (where, secret)
            assert secret.encode() not in data, (where, secret)
    plain = b" ".join(kept_plain(films[2]))
    for data in films:
        runs = {data[start : start + 12] for start in range(0, len(data) - 12, 97)}
        runs = {run for run in runs if len(set(run)) > 3 and run not in plain}
        assert len(runs) > 50
        assert not [run for run in runs if any(run in kept for kept in everywhere.values())]
    assert "Szőllős" in strings("Béla Szőllős".encode())  # the test's own eyes are open


@pytest.fixture
def filled(everywhere_services: Services, film: Callable[..., bytes]) -> Services:
    """Give the services over an installation with a few studies."""
    services, ada = everywhere_services, everywhere_services.person()
    for number in range(4):
        facts = PatientFacts(
            identifier=f"H-{number % 3}", name="Béla Bartók सुनीता", sex="M", birth_date=date(1981, 3, 25)
        )
        study = services.studies.open(ada, facts, [("a", film(number)), ("b", film(number + 10))])
        services.studies.conclude(ada, study.key, Conclusion(note=f"a scar {number}"))
    withdraw(services.session, study, "fhir", services.clock)
    assert services.read_all() == 8
    services.session.commit()
    return services


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.reading() as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key.columns))]
            for table in Base.metadata.sorted_tables
        }


def destroy(settings: Settings) -> None:
    """Lose the machine: its data folder and the server's database; the bucket's films too."""
    store = FilmStore(settings)
    for study in {study for study, _name in store.films()}:
        store.delete(study)
    shutil.rmtree(settings.data_folder)
    if settings.database_url:
        url = make_url(settings.database_url)
        with pymysql.connect(host=url.host, port=url.port, user=url.username, password=url.password or "") as server:
            server.cursor().execute(f"DROP DATABASE {url.database}")
            server.cursor().execute(f"CREATE DATABASE {url.database}")


def test_a_restore_drill_brings_back_every_row_and_film(
    filled: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = filled.settings
    for name in ("data_folder", "database_url", "films_url", "s3_endpoint", "s3_region"):
        monkeypatch.setenv(f"LUNGWISE_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("LUNGWISE_S3_ACCESS_KEY", "access")
    monkeypatch.setenv("LUNGWISE_S3_SECRET_KEY", "secret")
    films = {place: filled.store.get(*place) for place in filled.store.films()}
    with closing(Database(settings)) as database:
        check_keys(database)
        check_secret_key(database, settings)
        rows = everything(database)
    backup, kept = str(tmp_path / "backup.tar"), ("encryption.keys", "secret.key")
    assert "keys are not in it" in run("db", "backup", backup)
    for name in kept:
        shutil.copy(settings.data_folder / name, tmp_path / name)
    filled.session.close()

    destroy(settings)
    assert "encryption.keys" in run("db", "restore", backup, code=1)
    settings.data_folder.mkdir(exist_ok=True)
    for name in kept:
        shutil.copy(tmp_path / name, settings.data_folder / name)
    assert "8 films" in run("db", "restore", backup)

    assert "8 films" in run("db", "check")
    assert "whole" in run("audit", "verify")
    store = FilmStore(settings)
    assert {place: store.get(*place) for place in store.films()} == films
    with closing(Database(settings)) as database:
        restored = everything(database)
        assert check_films(database, store).films == 8
    *trail, noted = restored.pop("audit_entries")
    assert trail == rows.pop("audit_entries") and Action.WENT_BACK.value in noted  # all but that it was restored
    for changed in ("audit_head", "facts"):  # the trail's end, and its generation
        assert restored.pop(changed) and rows.pop(changed)
    at = list(Study.__table__.columns.keys()).index("report_version")  # above all that may have been sent
    before, after = rows.pop("studies"), restored.pop("studies")
    assert all(now[at] > was[at] for now, was in zip(after, before, strict=True))
    assert [(*row[:at], *row[at + 1 :]) for row in after] == [(*row[:at], *row[at + 1 :]) for row in before]
    assert restored == rows


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == code, result.output
    return result.output
