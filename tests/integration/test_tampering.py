"""Whatever somebody without the keys does to database and films, `audit verify` or `db check` says so."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from lungwise.cli import main
from lungwise.patients.service import PatientFacts
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services

CUT = """
    DELETE FROM audit_entries WHERE id = (SELECT MAX(id) FROM audit_entries);
    UPDATE audit_head SET entries = entries - 1, hash = (SELECT hash FROM audit_entries ORDER BY id DESC LIMIT 1);
"""
SWAPPED_ENTRIES = """
    UPDATE audit_entries SET id = -1 WHERE id = 3;
    UPDATE audit_entries SET id = 3 WHERE id = 4;
    UPDATE audit_entries SET id = 4 WHERE id = -1;
"""
SWAPPED = "UPDATE {0} SET {1} = (SELECT other.{1} FROM {0} AS other WHERE other.id = 3 - {0}.id)"
EDITED = ("name", "identifier", "birth_date")


def film_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "films").rglob("*") if path.is_file())


def exchange(folder: Path) -> None:
    first, second = film_files(folder)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)


def plain(folder: Path) -> None:
    film_files(folder)[0].write_bytes(b"a film of somebody's own")


def missing(folder: Path) -> None:
    film_files(folder)[0].unlink()


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, words)
    return result.exit_code, result.output


@pytest.fixture
def installation(services: Services, film: Callable[..., bytes]) -> Path:
    """Give the data folder of an installation with two patients, after it was closed."""
    person = services.person()
    for number in (1, 2):
        facts = PatientFacts(identifier=f"H-{number}", name=f"Béla {number}", birth_date=date(1981, 3, number))
        study = services.studies.open(person, facts, [("a", film(number))])
        services.studies.conclude(person, study.key, Conclusion(note=f"a scar {number}"))
    services.session.commit()
    services.session.close()
    return services.settings.data_folder


def test_whatever_is_tampered_with_is_said(installation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = {
        "edited": "UPDATE audit_entries SET person_name = 'Mallory' WHERE id = 2",
        "removed": "DELETE FROM audit_entries WHERE id = 2",
        "cut": CUT,
        "swapped entries": SWAPPED_ENTRIES,
        "no trail": "DELETE FROM audit_entries; DELETE FROM audit_head",
        **{f"swapped {name}": SWAPPED.format("patients", name) for name in EDITED},
        "swapped note": SWAPPED.format("opinions", "note"),
        "note of a name": "UPDATE opinions SET note = (SELECT name FROM patients WHERE id = 1)",
    }
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(installation))
    assert [run("audit", "verify")[0], run("db", "check")[0]] == [0, 0]
    for number, (what, statement) in enumerate(statements.items()):
        folder = Path(shutil.copytree(installation, tmp_path / f"copy{number}"))
        with closing(sqlite3.connect(folder / "lungwise.sqlite")) as database:
            database.executescript(statement)
        assert said(folder, monkeypatch), what
    for film_done in (exchange, plain, missing):
        folder = Path(shutil.copytree(installation, tmp_path / film_done.__name__))
        film_done(folder)
        assert said(folder, monkeypatch), film_done


def said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Say whether one of the commands fails with a sentence."""
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(folder))
    found = [run("audit", "verify"), run("db", "check")]
    assert all(code in (0, 1) and "Traceback" not in output for code, output in found), found
    return any(code for code, _output in found)
