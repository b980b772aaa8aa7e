from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, update

from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.jobs.reading_queue import Model
from lungwise.patients.service import PatientFacts
from lungwise.studies.models import Job, JobState, ReadingRecord, Study, StudyStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services

SECOND = Model(name="synthetic", version="2")


def opened(services: Services, name: str, *films: bytes, clinic: str = "Hill") -> Study:
    person = services.person(name, clinic)
    study = services.studies.open(person, PatientFacts(), [(str(n), data) for n, data in enumerate(films)])
    services.session.commit()
    return study


def fail_everything(services: Services) -> None:
    services.session.execute(update(Job).values(state=JobState.FAILED, attempts=4, error="Fault"))
    services.session.execute(update(Study).values(status=StudyStatus.REFUSED, unread=False))
    services.session.expire_all()


def test_a_study_knows_how_many_films_go_before_it(services: Services, film: Callable[..., bytes]) -> None:
    first = opened(services, "Ada", film(1), film(2))
    second = opened(services, "Bob", film(3), clinic="Valley")
    assert (services.queue.before(first), services.queue.before(second)) == (0, 2)
    services.read_all()
    assert services.queue.before(second) == 0


def test_an_administrator_sees_and_retries_what_failed_in_the_clinic_alone(
    services: Services, film: Callable[..., bytes]
) -> None:
    study, other = opened(services, "Ada", film(1)), opened(services, "Bob", film(2), clinic="Valley")
    ada, doctor = services.person("Eve"), services.person("Dan", role=Role.DOCTOR)
    fail_everything(services)
    queue = services.queue
    assert [(entry.study, entry.attempts, entry.error) for entry in queue.failed(ada)] == [(study.key, 4, "Fault")]
    for person, film_key in ((doctor, study.films[0].key), (ada, other.films[0].key)):
        with pytest.raises(NotFound):
            queue.retry_film(person, film_key)
    assert queue.retry_film(ada, study.films[0].key)
    assert not queue.retry_film(ada, study.films[0].key)
    assert (study.status, study.unread) == (StudyStatus.WAITING, True)
    assert services.read_all() == 1
    assert queue.counts() == {"queued": 0, "running": 0, "done": 1, "failed": 1}
    assert queue.retry() == 1
    assert services.read_all() == 1


def test_every_film_is_read_again_once_by_a_new_model_and_the_old_readings_stay(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    opened(either_services, "Ada", *(film(n) for n in range(3)))
    either_services.read_all()
    queue = either_services.queue
    assert queue.reread(Model(name="synthetic", version="1")) == []  # it has read them all
    assert len(queue.reread(SECOND)) == 3
    assert queue.reread(SECOND) == []  # queued is queued
    either_services.session.commit()

    either_services.worker._made.version = "2"  # type: ignore[misc]
    assert either_services.read_all() == 3
    assert queue.reread(SECOND) == []
    assert queue.counts(SECOND) == {"queued": 0, "running": 0, "done": 3, "failed": 0}
    rows = either_services.session.execute(select(ReadingRecord.version, func.count()).group_by(ReadingRecord.version))
    assert dict(rows.all()) == {"1": 3, "2": 3}


def test_jobs_are_listed_by_state_and_name_no_patient(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(identifier="H-7", name="Béla"), [("a", film(1)), ("b", film(2))])
    entries = services.queue.entries(JobState.QUEUED, limit=1)
    assert [(entry.film, entry.study, entry.state) for entry in entries] == [(study.films[0].key, study.key, "queued")]
    assert "H-7" not in str(entries)
    assert "Béla" not in str(entries)
