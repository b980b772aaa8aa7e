"""`lungwise demo`: an empty database filled with synthetic films, for a first look."""

from __future__ import annotations

import random
from datetime import date, timedelta, tzinfo

import click
from rich.progress import track

from lungwise.access import Role
from lungwise.accounts.service import Applicant, User
from lungwise.cli.bootstrap import open_database, services_over
from lungwise.cli.settings import read_settings
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.cli.synthetic_reader import SyntheticFilmReader
from lungwise.jobs.reading_worker import ReadingWorker
from lungwise.patients.service import PatientFacts
from lungwise.receiving.service import Uploads
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, check_keys, utc_now
from lungwise.store.way_back import upgrade_with_copy
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.studies.service import Conclusion, Study, StudyStatus
from lungwise.studies.worklist import Worklist, WorklistQuery
from lungwise.time_zones import day_in
from lungwise.wiring import Wiring

CLINIC, EMAIL, PASSWORD = "Demonstration clinic", "demo@example.org", "drawn films and no patients"
_NAMES = (
    ("Amara Okafor", "F", 1958),
    ("Tomás Herrera", "M", 1971),
    ("Sunita Sharma", "F", 1949),
    ("Louis Lambert", "M", 1985),
    ("Ngozi Eze", "F", 1990),
    ("Kamal Rao", "M", 1963),
    ("Inès Moreau", "F", 1977),
    ("Pedro Álvarez", "M", 1942),
)


@click.command()
@click.option("--studies", default=24, show_default=True, type=click.IntRange(1, 500), help="How many studies to draw.")
def demo(studies: int) -> None:
    """Fill an EMPTY database with synthetic films, for a first look.

    Their verdicts are made up too; the shipped model reads what is uploaded afterwards.
    """
    settings = read_settings()
    with open_database(settings, current=False) as database:
        upgrade_with_copy(database, settings)
        check_keys(database)
        user = _add_user(database, settings)
        for number in track(range(studies), description="Drawing films"):
            _add_study(database, settings, user, number)
        _read_all(database, settings, studies)
        _add_opinions(database, settings, user)
    click.echo("To look around without a second factor, set LUNGWISE_ADMINISTRATOR_SECOND_FACTOR=false.")
    click.echo(f"Start `lungwise serve` and sign in as {EMAIL} with the password: {PASSWORD}")


def _add_user(database: Database, settings: Settings) -> User:
    with services_over(database, settings, writes=True) as services:
        accounts = services.accounts
        if not accounts.is_empty():
            raise click.ClickException("This installation is in use. Set LUNGWISE_DATA_FOLDER to a new folder.")
        return accounts.add(Applicant("Dr. Demo", EMAIL, PASSWORD), CLINIC, Role.ADMINISTRATOR)


def _add_study(database: Database, settings: Settings, user: User, number: int) -> None:
    chance = random.Random(number)  # noqa: S311 - a drawing's chance, not a secret
    who = number % len(_NAMES)
    name, sex, born = _NAMES[who]
    facts = PatientFacts(identifier=f"D-{100 + who}", name=name, sex=sex, birth_date=date(born, 1 + who, 14))
    film = as_jpeg(synthetic_film(number, chance.choice((0, 0, 1, 3, 6, 8))))
    past = utc_now() - timedelta(days=chance.uniform(0, 170))
    wiring = Wiring(settings, FilmStore(settings), lambda: past)
    Uploads(wiring.receive(database), wiring.limits).open(user.person, facts, [("film.jpg", film)])


def _read_all(database: Database, settings: Settings, studies: int) -> None:
    worker = ReadingWorker(settings, database, FilmStore(settings), utc_now, SyntheticFilmReader)
    for _film in track(worker.read_all(), description="Reading films", total=studies):
        pass


def _add_opinions(database: Database, settings: Settings, user: User) -> None:
    chance = random.Random(0)  # noqa: S311
    with services_over(database, settings, writes=True) as services:
        over = Wiring(settings, FilmStore(settings)).over(services.session, "demonstration")
        studies = over.studies
        for row in Worklist(services.session, services.patients).page(user.person, WorklistQuery()).rows[::2]:
            studies.conclude(user.person, row.study.key, Conclusion(agrees=chance.random() < 0.85))
            if chance.random() < 0.5:
                result = _pcr_of(row.study, chance, over.zone_of(user.clinic_id))
                over.reference_results.add(user.person, row.study.key, result)
            studies.saw(user.person, row.study.key)


def _pcr_of(study: Study, chance: random.Random, zone: tzinfo) -> EnteredResult:
    """A test's result as it may come with such a film: nine in ten go with its verdict."""
    likely, other = Outcome.POSITIVE, Outcome.NEGATIVE
    if study.status == StudyStatus.NEGATIVE:
        likely, other = other, likely
    return EnteredResult(
        kind=ReferenceTest.PCR,
        result=likely if chance.random() < 0.9 else other,
        tested_on=day_in(zone, study.created_at),
        reason=chance.choice(tuple(Reason)),
    )
