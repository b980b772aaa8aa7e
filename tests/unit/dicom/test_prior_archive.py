from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made on import
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)
from sqlalchemy import select

from dicom_files import dicom_bytes, dicom_file, film_dataset
from lungwise.access import Person, Role
from lungwise.dicom.prior_archive import DimseArchive
from lungwise.dicom.prior_fetcher import PriorFetcher
from lungwise.jobs.prior_fetches import PriorFetches
from lungwise.patients.service import PatientFacts
from lungwise.receiving.priors import PriorLimits, PriorReceiver
from lungwise.store import Database
from lungwise.studies.prior_models import PriorFetch, PriorFilm
from lungwise.time_zones import zone_of
from lungwise.wiring import Wiring
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services


class Archive:
    """An archive with earlier films of one series, which it hands out by C-GET."""

    def __init__(self, *films: Dataset) -> None:
        self.films = films
        self.between: Callable[[], object] = lambda: None
        self.entity = AE("ARCHIVE")
        self.entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
        self.entity.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
        self.entity.add_supported_context(DigitalXRayImageStorageForPresentation, scu_role=True, scp_role=True)
        handlers: list[Any] = [(evt.EVT_C_FIND, self.find), (evt.EVT_C_GET, self.give)]
        server = self.entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        assert server is not None
        self.name = f"ARCHIVE@127.0.0.1:{server.server_address[1]}"

    def find(self, _event: evt.Event) -> Iterator[tuple[int, Dataset]]:
        found = Dataset()
        for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "StudyDate", "Modality", "BodyPartExamined"):
            setattr(found, name, self.films[0].get(name))
        yield 0xFF00, found

    def give(self, _event: evt.Event) -> Iterator[Any]:
        yield len(self.films)
        for film in self.films:
            yield 0xFF00, film
            self.between()


@pytest.fixture
def archive(services: Services) -> Iterator[Archive]:
    day = f"{services.clock() - timedelta(days=30):%Y%m%d}"
    header = {"PatientID": "P1", "StudyDate": day, "BodyPartExamined": "CHEST"}
    uids = {"StudyInstanceUID": "1.2.1", "SeriesInstanceUID": "1.2.1.1"}
    films = [film_dataset(chest_bytes(seed=n), SOPInstanceUID=f"1.2.1.1.{n}", **header, **uids) for n in (1, 2)]
    for film in films:
        dicom_bytes(film)
    archive = Archive(*films)
    yield archive
    archive.entity.shutdown()


def test_a_film_that_cannot_be_kept_just_now_is_fetched_again(services: Services, archive: Archive) -> None:
    new = dicom_file(chest_bytes(seed=7), PatientID="P1", StudyInstanceUID="1.2.9")
    study = services.studies.open(services.person(), PatientFacts(), [("film", new)])
    PriorFetches(services.session, services.clock).queue(study.patient_id)
    services.session.commit()
    settings = services.settings.model_copy(update={"priors_from": archive.name, "priors_by": "C-GET"})
    database, node = Database(settings), Person(None, "LUNGWISE", study.clinic_id, Role.NODE)
    wiring = Wiring(settings, services.store, services.clock)
    receiver = PriorReceiver(wiring.receive(database), node, PriorLimits.of(settings))
    fetcher = PriorFetcher(
        database, services.clock, settings, node, DimseArchive(settings, receiver), lambda _session: zone_of("UTC")
    )
    films, away = settings.data_folder / "films", settings.data_folder / "away"

    def come_back() -> None:
        if films.is_file():
            films.unlink()
            shutil.move(away, films)

    def kept() -> tuple[list[str], list[str]]:
        with database.reading() as session:
            films = select(PriorFilm.instance_uid).order_by(PriorFilm.instance_uid)
            return list(session.scalars(select(PriorFetch.state))), list(session.scalars(films))

    shutil.move(films, away)
    films.touch()  # a disk that is not there, until the first film has come
    archive.between = come_back
    services.clock.forward(seconds=2)
    assert list(fetcher.work_all()) == ["an earlier film of ARCHIVE cannot be kept"]
    assert kept() == (["queued"], ["1.2.1.1.2"])
    services.clock.forward(minutes=1)
    assert list(fetcher.work_all()) == [""]
    assert kept() == (["done"], ["1.2.1.1.1", "1.2.1.1.2"])
    database.close()
