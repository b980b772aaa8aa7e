"""An archive that routes everything back sends Lungwise its own results: they never become films."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.dataset import Dataset
from sqlalchemy import func, select

from dicom_files import dicom_bytes, film_dataset
from lungwise.access import Person, Role
from lungwise.accounts.service import Accounts
from lungwise.audit.service import AuditTrail
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.errors import Rejected
from lungwise.films.dicom.header import read_header
from lungwise.jobs.reading_worker import ReadingWorker
from lungwise.reading.reading import Normal, Reading, Verdict
from lungwise.receiving.own_results import is_marked_as_own
from lungwise.receiving.receiver import FilmReceiver, Kept
from lungwise.receiving.uploads import Limits, read_instance, unpack
from lungwise.results.result import FilmResult
from lungwise.results.result_objects import file_bytes, film_object, result_objects
from lungwise.results.study_header import StudyFacts
from lungwise.store import Database, FilmStore, utc_now
from lungwise.studies.models import FilmRecord, Study
from lungwise.wiring import Wiring
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from lungwise.settings import Settings
    from synthetic_reader import SyntheticReader

NOW = datetime(2026, 3, 2, tzinfo=UTC)
FACTS = StudyFacts(
    study_uid="2.25.1",
    series_uid="2.25.2",
    film_uid="2.25.3",
    patient_id="P1",
    patient_name="Curie Marie",
    sex="F",
    birth_date=None,
    made_at=NOW,
)
READING = Reading(
    probability=0.7,
    verdict=Verdict.POSITIVE,
    appearance={},
    findings={"COVID-19": 0.7},
    normal=Normal(probability=0.02, called=False),
    pattern="COVID-19",
    raised=("COVID-19",),
    heat_map=np.ones((17, 17), np.float32),
    quarter_turns=0,
    model="synthetic",
    version="1",
)
FILM = film_dataset(chest_bytes(), SOPInstanceUID="1.2.1", StudyInstanceUID="1.2", SeriesInstanceUID="1.2.3")


def results(model: str = "synthetic", version: str = "1", study: str = "") -> list[Dataset]:
    """The structured report, heat map, outlines, segmentation and report of the film."""
    return result_objects(
        dicom_bytes(FILM),
        replace(FACTS, study_key=study),
        FilmResult(outcome=READING, model=model, version=version, made_at=NOW),
        b"%PDF-1.7",
    )


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("lost", ["", "Manufacturer", "ManufacturerModelName", "SeriesDescription"])
def test_a_result_is_known_by_its_marks_also_where_an_archive_dropped_one(number: int, lost: str) -> None:
    item = results()[number]
    if lost:
        delattr(item, lost)
    header = read_header(file_bytes(item))
    assert header is not None and is_marked_as_own(header)


def test_a_film_is_none_also_one_that_lungwise_gave_as_an_object() -> None:
    given = film_object(as_jpeg(synthetic_film(1, 0)), FACTS)
    assert given is not None
    for data in (dicom_bytes(FILM), file_bytes(given)):
        header = read_header(data)
        assert header is not None and not is_marked_as_own(header)


@pytest.fixture
def site(settings: Settings, migrate: Callable[[Settings], None]) -> Iterator[tuple[Database, FilmStore, FilmReceiver]]:
    migrate(settings)
    database, store = Database(settings), FilmStore(settings)
    with database.writing() as session:
        clinic = Accounts(session, utc_now, settings, AuditTrail(session, utc_now)).clinic("Hill").id
    node = Person(None, "LUNGWISE", clinic, Role.NODE)
    yield database, store, FilmReceiver(Wiring(settings, store).receive(database), node)
    database.close()


def test_what_comes_back_is_acknowledged_and_kept_out(
    site: tuple[Database, FilmStore, FilmReceiver], settings: Settings, synthetic_reader: type[SyntheticReader]
) -> None:
    database, store, reception = site
    assert reception.accept(read_instance(dicom_bytes(FILM), "CR1"), "127.0.0.1") is Kept.NEW
    assert len(list(ReadingWorker(settings, database, store, utc_now, synthetic_reader, 0).read_all())) == 1
    for item in results():
        assert reception.accept(read_instance(file_bytes(item), "ARCHIVE"), "127.0.0.1") is Kept.OWN_RESULT
    with database.reading() as session:
        study = session.scalars(select(Study.key)).one()
    unmarked = results(study=study)[1]
    for mark in ("Manufacturer", "ManufacturerModelName", "SeriesDescription"):
        delattr(unmarked, mark)
    assert reception.accept(read_instance(file_bytes(unmarked), "ARCHIVE"), "127.0.0.1") is Kept.OWN_RESULT
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(FilmRecord)) == 1
    assert len(list(store.films())) == 1


def test_an_upload_takes_the_film_and_leaves_its_results() -> None:
    limits = Limits(films=3, film_bytes=9 << 20, total_bytes=9 << 20)
    beside = [(f"{number}.dcm", file_bytes(item)) for number, item in enumerate(results())]
    assert [one.data for one in unpack([("film.dcm", dicom_bytes(FILM)), *beside], limits).films] == [dicom_bytes(FILM)]
    with pytest.raises(Rejected, match="a result of Lungwise, not a film"):
        unpack(beside, limits)
