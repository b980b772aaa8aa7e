from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from lungwise.films import Film, Refusal
from lungwise.monitoring.models import ShadowModel, ShadowReading
from lungwise.monitoring.shadow_reader import ShadowReader
from lungwise.patients.service import PatientFacts
from lungwise.reading.artefact import ModelCard, shipped_card
from lungwise.store import Database
from synthetic_reader import SyntheticReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.reading.reading import Reading


class Second(SyntheticReader):
    """A second model, which refuses what the first is sure of."""

    version = "2"

    def read(self, film: Film) -> Reading:
        reading = super().read(film)
        if reading.probability > 0.9:
            raise Refusal("lateral-view")
        return replace(reading, probability=0.5)


def card(digest: str = "a" * 64) -> ModelCard:
    return replace(shipped_card(), name="second", version="2", hashes={"onnx": digest})


def beside(services: Services) -> ShadowReader:
    services.session.commit()
    return ShadowReader(Database(services.settings), services.store, services.clock, Second(), card())


def read(services: Services, reader: ShadowReader) -> int:
    services.session.commit()
    count = len(list(reader.read_some()))
    services.session.expire_all()
    return count


def test_a_second_model_reads_what_the_first_has_answered_and_changes_nothing(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, ada = either_services, either_services.person()
    study = services.studies.open(ada, PatientFacts(), [("a", film(1)), ("b", film(2, 8))])
    reader = beside(services)
    assert reader.must_wait()  # a new film goes first
    assert reader.count_left() == 0
    services.read_all()
    before = (study.status, study.probability, [len(one.readings) for one in study.films])
    assert not reader.must_wait()
    assert reader.count_left() == 2
    assert read(services, reader) == 2
    assert reader.count_left() == read(services, reader) == 0
    said = {one.film_id: one for one in services.session.scalars(select(ShadowReading))}
    findings = [said[one.id].findings.get("COVID-19") for one in study.films]
    codes = [said[one.id].refusal_code for one in study.films]
    assert (findings, codes) == ([0.5, None], [None, "lateral-view"])
    assert (study.status, study.probability, [len(one.readings) for one in study.films]) == before
    assert services.session.scalars(select(ShadowModel)).one().thresholds["COVID-19"][0] < 1
    services.studies.delete(ada, study.key)
    services.session.commit()
    assert services.session.scalars(select(ShadowReading)).all() == []


def test_a_film_that_came_meanwhile_is_waited_for_and_one_that_went_is_left(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    studies = [services.studies.open(ada, PatientFacts(), [("a", film(n))]) for n in range(3)]
    services.read_all()
    reader = beside(services)
    reading = reader.read_some()
    next(reading)
    services.studies.open(ada, PatientFacts(), [("new", film(9))])
    services.session.commit()
    assert list(reading) == []
    services.read_all()
    assert read(services, reader) == 3
    assert len(studies) == 3


def test_the_same_model_is_known_again(services: Services) -> None:
    beside(services)
    beside(services)
    assert len(services.session.scalars(select(ShadowModel)).all()) == 1
