"""Over real films: the headline names the finding that leads, on every face, and is green only where that is normal."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conftest import token_of
from film_results import FACTS, MADE_AT
from lungwise.access import Person, Role
from lungwise.cli.read import CsvTable, Named
from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.jobs.reading_queue import Jobs, Model
from lungwise.patients.service import PatientFacts
from lungwise.reading import Reader, ReadFile, Reading
from lungwise.reading.artefact import shipped_card
from lungwise.receiving.service import Uploads
from lungwise.reports.fhir import bundle
from lungwise.reports.pdf import report_pdf
from lungwise.reports.report import Report
from lungwise.reports.service import Reports
from lungwise.reports.typesetting.typefaces import Typefaces
from lungwise.results.result import FilmResult
from lungwise.results.structured_report import report_content
from lungwise.results.study_header import study_header
from lungwise.store import FilmStore
from lungwise.wiring import Wiring
from report_texts import text_of_page, text_of_pdf

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

SOURCES = re.compile("tb-.*|tbx11k|kermany-children|chexpert")
CHILDREN = "kermany-children"
HEADER = study_header(b"a picture", FACTS)
TYPEFACES = Typefaces()


NAMES = {"normal": "ormal", "COVID-19": "COVID-19", "other pneumonia": "ther pneumonia", "tuberculosis": "uberculosis"}
"""What of a finding's name a headline shows, at the beginning of a sentence or within."""


@dataclass(frozen=True)
class Seen:
    """A film, its reading, and its study."""

    film: LabelledFilm
    reading: Reading
    file: ReadFile
    study: str

    @property
    def leading(self) -> str:
        """The likeliest finding."""
        return max(self.reading.findings, key=lambda name: self.reading.findings[name])


@pytest.fixture(scope="module")
def read_files(films_folder: Path) -> dict[str, tuple[LabelledFilm, ReadFile]]:
    """Read every film once, whatever its place in the collection; by the SHA-256 of its file."""
    collection = read_collection(films_folder / "films.csv")
    films = [film for film in collection if film.split == "test" and SOURCES.fullmatch(film.source)]
    outcomes = zip(films, Reader().read_many(film.path for film in films), strict=True)
    return {hashlib.sha256(film.path.read_bytes()).hexdigest(): (film, file) for film, file in outcomes}


@pytest.fixture
def clinic(
    app: Lungwise,
    settings: Settings,
    clock: Clock,
    enrol: Callable[..., Person],
    read_files: dict[str, tuple[LabelledFilm, ReadFile]],
) -> tuple[Person, list[Seen]]:
    """A clinic with a study of each film, children born as such, and the films as the shipped model read them."""
    app.worker.stop()
    person = enrol(app, "Ada", role=Role.ADMINISTRATOR)
    wiring = Wiring(settings, FilmStore(settings), clock)
    uploads = Uploads(wiring.receive(app.database), wiring.limits)
    keys: dict[str, str] = {}
    for number, (digest, (film, _file)) in enumerate(read_files.items()):
        born = date(2020, 1, 1) if film.source == CHILDREN else date(1970, 1, 1)
        facts = PatientFacts(identifier=f"P-{number}", birth_date=born)
        keys[digest] = uploads.open(person, facts, [(film.path.name, film.path.read_bytes())]).key
    card, model = shipped_card(), Model(name=shipped_card().name, version=shipped_card().version)
    with app.database.writing() as session:
        jobs = Jobs(session, clock, lease=600)
        while claims := jobs.claim(model, 100):
            jobs.finish({claim: read_files[claim.sha256][1].outcome for claim in claims})
    seen = [
        Seen(film, file.reading, file, keys[digest])
        for digest, (film, file) in read_files.items()
        if file.reading is not None and file.reading.version == card.version
    ]
    return person, seen


@dataclass(frozen=True)
class Face:
    """What one face says first of a film, and the level that it shows."""

    name: str
    level: str
    text: str


@pytest.mark.films
def test_the_finding_that_leads_is_in_the_headline_of_every_face_and_green_is_only_normal(
    app: Lungwise,
    settings: Settings,
    visit: Callable[..., Visitor],
    clinic: tuple[Person, list[Seen]],
) -> None:
    person, seen = clinic
    assert len(seen) > 500
    ada = visit(app)
    ada.sign_in("ada@example.org")
    table = ada.client.post("/studies.csv", data={"csrf_token": token_of(ada.client.get("/studies").text)}).text
    rows = {row["study"]: row for row in csv.DictReader(io.StringIO(table.lstrip("\ufeff")))}
    wiring = Wiring(settings, FilmStore(settings))
    for number, one in enumerate(seen):
        page = ada.client.get(f"/studies/{one.study}").text
        with app.database.reading() as session:
            report = Reports(wiring.over(session).studies, str, settings).of(person, one.study, "Hill")
        faces = [_page(page), _table_row(rows[one.study]), _fhir(report), _command(one)]
        if number % 4 == 0:  # each takes as long as all other faces, and has its headline from the same words
            faces += [_pdf(report), _structured(one)]
        for face in faces:
            assert NAMES[one.leading] in face.text, (one.film.path, face)
            assert _letters(report.headline.title) in _letters(face.text) or face.name == "command line", face
            assert face.level != "green" or one.leading == "normal", (one.film.path, face)
            assert face.level in ("grey", "") or one.film.source != CHILDREN or face.name == "command line"
        assert report.headline.title.startswith("Not made for children.") is (one.film.source == CHILDREN)


def _letters(text: str) -> str:
    """A text without the spaces, which a PDF writes where it likes."""
    return "".join(text.split())


def _page(page: str) -> Face:
    (level,) = re.findall('class="verdict (\\w+)"', page)
    return Face("page", level, text_of_page(re.findall("<h1>.*?</h1>", page, re.DOTALL)[0]))


def _table_row(row: dict[str, str]) -> Face:
    return Face("table", row["level"], row["headline"])


def _pdf(report: Report) -> Face:
    return Face("PDF", "", text_of_pdf(report_pdf(report, [[]], str, TYPEFACES), pages=1))


def _fhir(report: Report) -> Face:
    resources = [entry["resource"] for entry in json.loads(bundle(report))["entry"]]
    (conclusion,) = [one["conclusion"] for one in resources if one["resourceType"] == "DiagnosticReport"]
    return Face("FHIR", "", conclusion)


def _structured(one: Seen) -> Face:
    reading, is_child = one.reading, one.film.source == CHILDREN
    result = FilmResult(
        outcome=reading, model=reading.model, version=reading.version, made_at=MADE_AT, is_child=is_child
    )
    (content,) = report_content([(HEADER, result)])
    texts = [str(item.value) for item in content.iterall() if item.keyword == "TextValue"]
    return Face("structured report", result.headline.level, " ".join(texts))


def _command(one: Seen) -> Face:
    """What `lungwise read` says, which knows of no patient's birth date."""
    table = io.StringIO()
    CsvTable(table, shipped_card()).add(Named(one.film.path, one.film.path), one.file)
    row = next(csv.DictReader(io.StringIO(table.getvalue())))
    return Face("command line", row["level"], row["headline"])
