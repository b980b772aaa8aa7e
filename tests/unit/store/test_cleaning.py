from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from lungwise.cli import main
from lungwise.cli.cleaning import clean_store
from lungwise.patients.service import PatientFacts
from lungwise.store import Database, FilmStore, utc_now
from lungwise.store.cleaning import Cleaning, CleaningError, ages
from lungwise.store.migrations import upgrade

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Services
    from lungwise.settings import Settings

ORPHAN = "f" * 20


class Site:
    """A store with films, files without a row, and time that passes."""

    def __init__(self, services: Services, film: Callable[..., bytes], films: int = 3) -> None:
        person, drawn = services.person(), film()
        files = [("film.jpg", drawn + bytes([number])) for number in range(films)]
        self.study = services.studies.open(person, PatientFacts(identifier="7"), files).key
        services.session.commit()
        self.services, self.store, self.drawn = services, services.store, drawn
        self.database = Database(services.settings)

    def cleaning(self, **later: float) -> Cleaning:
        return Cleaning(self.database, self.store, lambda: utc_now() + timedelta(**later))

    def kept(self) -> set[tuple[str, str]]:
        return set(self.store.films())


@pytest.fixture
def site(everywhere_services: Services, film: Callable[..., bytes]) -> Site:
    return Site(everywhere_services, film)


def test_files_without_a_row_are_told_by_age_and_moved_after_a_day_alone(site: Site) -> None:
    before = site.kept()
    mine, other = site.store.put(ORPHAN, b"film"), site.store.put(site.study, b"another")
    assert {(orphan.file.study, orphan.file.name) for orphan in site.cleaning().orphans()} == {
        (ORPHAN, mine),
        (site.study, other),
    }
    assert ages(site.cleaning().orphans()) == {"under an hour": 2, "under a day": 0, "under 30 days": 0, "older": 0}
    assert ages(site.cleaning(days=29).orphans())["under 30 days"] == 2
    assert site.cleaning(hours=23).clean(100) == []
    moved = site.cleaning(hours=25).clean(100)
    assert {orphan.file.name for orphan in moved} == {mine, other}
    assert (site.kept(), site.cleaning().orphans()) == (before, [])
    site.database.close()


def test_quarantine_is_emptied_after_thirty_days_alone(site: Site) -> None:
    site.store.put(ORPHAN, b"film")
    site.cleaning(days=400).clean(100)
    assert site.cleaning(days=29).purge() == []
    assert len(list(site.store.quarantined())) == 1
    assert [orphan.file.study for orphan in site.cleaning(days=31).purge()] == [ORPHAN]
    assert (list(site.store.quarantined()), len(site.kept())) == ([], 3)
    site.database.close()


def test_a_film_that_was_moved_under_another_database_is_brought_back_and_never_deleted(site: Site) -> None:
    before = site.kept()
    (file, *_) = site.store.files()
    site.store.quarantine(file)  # as when a database restored from last week stood in this one's place
    site.store.put(ORPHAN, b"film")
    site.cleaning(days=400).clean(100)
    done = clean_store(site.cleaning(days=400), 100, clean=False, purge=True)
    assert [orphan.file.name for orphan in done.back] == [file.name]
    assert [orphan.file.study for orphan in done.purged] == [ORPHAN]
    assert site.kept() == before
    assert list(site.store.quarantined()) == []
    site.database.close()


def test_nothing_is_moved_where_the_database_may_be_the_wrong_one(
    services: Services, film: Callable[..., bytes]
) -> None:
    site = Site(services, film)
    site.store.put(ORPHAN, b"film")
    kept = site.kept()
    with pytest.raises(CleaningError, match=r"1 of 4 files have no row, more than 1 %"):
        site.cleaning(days=2).clean()
    with pytest.raises(CleaningError, match=r"more than 24\.9 %"):
        site.cleaning(days=2).clean(24.9)
    services.session.execute(text("DELETE FROM studies"))  # as in another database: the files stay
    services.session.commit()
    with pytest.raises(CleaningError, match="no film at all"):
        site.cleaning(days=2).clean(100)
    assert site.kept() == kept
    site.database.close()


def test_a_film_that_comes_again_while_its_old_file_is_moved_keeps_it(
    services: Services, film: Callable[..., bytes]
) -> None:
    site = Site(services, film)
    again = site.drawn + b"again"
    site.store.put(site.study, again)
    cleaning = site.cleaning(days=2)
    files = list(site.store.files())
    orphans = cleaning._orphans(files)
    services.studies.add_films(services.person("Bob"), site.study, [("film.jpg", again)])
    services.session.commit()
    assert [site.database.transact(partial(cleaning._move, file=orphan.file)) for orphan in orphans] == [False]
    assert (cleaning.orphans(), len(site.kept())) == ([], 4)
    site.database.close()


def test_half_a_file_that_a_power_cut_left_is_moved_too(services: Services, film: Callable[..., bytes]) -> None:
    site = Site(services, film)
    half = services.settings.films_folder / site.study[:2] / site.study / ".abc123"
    half.write_bytes(b"half a fi")
    assert [orphan.file.name for orphan in site.cleaning(days=2).clean(100)] == [".abc123"]
    assert not half.exists()
    site.database.close()


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(settings.data_folder))

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["db", "check", *arguments])
        return done.exit_code, done.output

    return run


def aged(folder: Path, days: float) -> None:
    """Let every file of a folder be so old."""
    for file in folder.rglob("*"):
        os.utime(file, times=(time.time() - days * 86400,) * 2)


def test_the_command_lists_moves_and_deletes(
    services: Services, film: Callable[..., bytes], command: Callable[..., tuple[int, str]]
) -> None:
    site, folder = Site(services, film), services.settings.films_folder
    site.store.put(ORPHAN, b"film")
    aged(folder / ORPHAN[:2], 3)
    status, said = command()
    assert (status, "Files without a row: 1 under 30 days." in said, "All is well: 3 films" in said) == (0, True, True)
    status, said = command("--clean")
    assert (status, "may be another database" in said) == (1, True)
    status, said = command("--clean", "--most", "50")
    assert (status, f"Moved into quarantine: study {ORPHAN}" in said) == (0, True)
    status, said = command("--purge", "--json")
    assert (status, json.loads(said)["orphans"], json.loads(said)["purged"]) == (0, [], [])
    aged(folder / "quarantine", 31)
    status, said = command("--purge", "--json")
    found = json.loads(said)
    assert (status, found["films"], [one["study"] for one in found["purged"]]) == (0, 3, [ORPHAN])
    site.database.close()


def test_the_command_says_to_programs_too_that_it_moves_nothing(
    services: Services, film: Callable[..., bytes], command: Callable[..., tuple[int, str]]
) -> None:
    site = Site(services, film)
    site.store.put(ORPHAN, b"film")
    aged(services.settings.films_folder / ORPHAN[:2], 3)
    status, said = command("--clean", "--json")
    found = json.loads(said)
    assert (status, found["moved"], "may be another database" in found["refused"]) == (1, [], True)
    assert timedelta(seconds=found["orphans"][0]["age_seconds"]) // timedelta(days=1) == 3
    site.database.close()


def test_a_database_of_another_installation_touches_nothing(
    services: Services,
    film: Callable[..., bytes],
    command: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(services, film)
    aged(services.settings.films_folder, 3)
    site.database.close()
    other = services.settings.model_copy(
        update={"database_url": f"sqlite:///{services.settings.data_folder}/other.sqlite"}
    )
    database = Database(other)
    upgrade(database.engine)
    database.close()
    monkeypatch.setenv("LUNGWISE_DATABASE_URL", other.database_url)
    status, said = command("--clean", "--most", "100")
    assert (status, "no film at all" in said) == (1, True)
    assert len(list(FilmStore(services.settings).films())) == 3
