from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from lungwise.errors import Contradiction
from lungwise.jobs.reading_queue import ATTEMPTS, Jobs, Model
from lungwise.patients.service import PatientFacts
from lungwise.receiving.photographs import Photographs
from lungwise.store import Database, FilmStore, database_time
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.models import ReadingRecord, Study
from lungwise.studies.outdated_opinions import (
    covers,
    is_concluded,
    is_outdated,
    newest_conclusion,
    outdated_conclusions,
)
from lungwise.studies.service import Conclusion
from lungwise.studies.thumbnails import Thumbnails
from lungwise.studies.worklist import WorklistQuery
from lungwise.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services

NORMAL = Conclusion(conclusion=Diagnosis.NORMAL)


def test_a_film_that_is_added_or_read_after_the_conclusion_asks_for_another(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, person = either_services, either_services.person()
    key = services.studies.open(person, PatientFacts(), [("a", film(1))]).key
    other = services.studies.open(person, PatientFacts(), [("b", film(3))]).key

    def said() -> tuple[bool, list[bool], bool]:
        """Whether the study is concluded, of which films, and whether its conclusion is outdated."""
        study = services.studies.get(person, key)
        concluded = newest_conclusion(study)
        assert concluded is not None
        outdated = is_outdated(study, concluded)
        assert outdated_conclusions(services.session, [study.id, study.id + 1]) == ({study.id} if outdated else set())
        (row,) = (row for row in services.worklist.page(person, WorklistQuery()).rows if row.study.id == study.id)
        assert row.is_outdated == outdated
        return is_concluded(study), [covers(concluded, one) for one in study.films], outdated

    services.studies.conclude(person, key, NORMAL)
    assert said() == (False, [False], False)  # there is no answer yet, and so nothing newer either
    services.clock.forward(minutes=1)
    services.read_all()
    assert said() == (False, [False], True)
    for one in (key, other):
        services.studies.conclude(person, one, NORMAL)
        services.studies.saw(person, one)
    assert said() == (True, [True], False)

    services.clock.forward(minutes=1)
    services.studies.add_films(person, key, [("c", film(2))])
    assert said() == (False, [True, False], True)
    services.read_all()
    assert said() == (False, [True, False], True)
    assert [row.study.key for row in services.worklist.page(person, WorklistQuery(unread=True)).rows] == [key]
    services.studies.conclude(person, key, Conclusion(note="see the film of last year"))
    assert said() == (False, [True, False], True)  # which concludes nothing
    services.studies.conclude(person, key, NORMAL)
    assert said() == (True, [True, True], False)


@pytest.mark.parametrize("either", ["mariadb"], indirect=True)  # SQLite's processes have one machine's clock
@pytest.mark.parametrize("seconds", [-30, 30])
def test_the_clocks_of_two_machines_make_no_conclusion_outdated_and_none_covers_what_came_later(
    seconds: int, either_services: Services, film: Callable[..., bytes]
) -> None:
    services, person = either_services, either_services.person()
    key = services.studies.open(person, PatientFacts(), [("a", film(1))]).key
    services.read_all()
    doctors = Wiring(
        services.settings, FilmStore(services.settings), lambda: services.clock() + timedelta(seconds=seconds)
    )
    services.clock.forward(seconds=5)
    doctors.over(services.session).studies.conclude(person, key, NORMAL)
    assert is_concluded(services.studies.get(person, key))

    services.clock.forward(seconds=5)
    services.studies.add_films(person, key, [("c", film(2))])
    services.read_all()
    assert not is_concluded(services.studies.get(person, key))


def test_nobody_concludes_on_a_film_whose_reading_is_being_kept(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, person = either_services, either_services.person()
    study = services.studies.open(person, PatientFacts(), [("a", film(1))])
    key, number = study.key, study.films[0].id
    seen = Conclusion(conclusion=Diagnosis.NORMAL, answer_version=study.answer_version)
    services.session.commit()
    database = Database(services.settings)

    def conclude() -> None:
        with database.writing() as session:
            wiring = Wiring(services.settings, FilmStore(services.settings), services.clock)
            wiring.over(session).studies.conclude(person, key, seen)

    with ThreadPoolExecutor(1) as doctor:
        with database.writing() as reader:
            reader.execute(select(Study.id).where(Study.key == key).with_for_update())
            values = {"appearance": {}, "findings": {}, "refusal_code": "blank", "created_at": services.clock()}
            reader.add(ReadingRecord(film_id=number, model="m", version="1", **values))
            reader.flush()
            concluding = doctor.submit(conclude)
            time.sleep(0.5)  # by then it waits
        with pytest.raises(Contradiction, match="added or read"):
            concluding.result()
    database.close()


def test_a_conclusion_on_another_cut_of_a_photograph_is_outdated_whether_the_new_one_can_be_read_or_not(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, person = either_services, either_services.person()
    study = services.studies.open(person, PatientFacts(), [("a", film(1))])
    services.read_all()
    services.studies.conclude(person, study.key, NORMAL)
    assert is_concluded(study)
    services.clock.forward(minutes=1)
    if services.session.get_bind().dialect.name != "sqlite":
        time.sleep(1.1)  # its clock is the database's
    marking = Photographs(
        *(services.session, services.clock, services.studies),
        *(Thumbnails(services.session), services.audit, lambda: None),
    )
    marking.mark(person, study.films[0].key, ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)))
    jobs = Jobs(services.session, services.clock, 30)
    for attempt in range(1, ATTEMPTS + 1):
        (claim,) = jobs.claim(Model(name="synthetic", version="1"))
        failed = jobs.fail(claim, "Fault")
        assert failed is not None and failed.attempts == attempt
        failed.due_at = database_time(services.session)
        services.session.flush()
    services.session.expire_all()
    (opinion,) = study.opinions
    assert (study.status, is_concluded(study), is_outdated(study, opinion)) == ("refused", False, True)
    assert outdated_conclusions(services.session, [study.id]) == {study.id}
    assert study.report_version == 3  # read, concluded, given up
