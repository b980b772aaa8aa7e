from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from answered import MODEL, answer
from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.monitoring.alarms import Alarms
from lungwise.monitoring.answer_changes import AnswerWatch, Jump, JumpCause
from lungwise.monitoring.drift import Drift, Reference, Spread
from lungwise.monitoring.local_films import ClinicFilms
from lungwise.monitoring.models import Alarm
from lungwise.reading.artefact import Thresholds
from lungwise.studies.models import FilmRecord, Study, monday

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.access import Person

REFERENCE = Reference(model=MODEL, films="drawn films", spread=Spread(bands=(500, 100, 100, 100, 200), refused=0))
USUAL = [0.1] * 60 + [0.9] * 40


def jump(services: Services, person: Person) -> Jump | None:
    drift = Drift(services.session, services.clock, REFERENCE)
    return AnswerWatch(services.session, drift).jump(person)


def raised(services: Services, person: Person) -> list[Alarm]:
    """Raise the alarm that is due."""
    films, limits = ClinicFilms(services.session, 3), Thresholds(lower=0.2, upper=0.7)
    alarms = Alarms(services.session, services.clock, services.audit, films, lambda *_: limits, calls_webhook=False)
    found = jump(services, person)
    return alarms.raise_jump(person, found) if found else []


def test_a_week_that_is_over_is_compared_with_the_four_before_it(services: Services) -> None:
    ada = services.person()
    for weeks_ago in (5, 4, 3, 2, 1):
        answer(services, ada, weeks_ago, USUAL)
    answer(services, ada, 0, [0.9] * 100)  # this week is not over
    assert jump(services, ada) is None
    services.clock.forward(days=7)
    found = jump(services, ada)
    assert found is not None
    this_week = monday(services.clock().date())
    assert (found.since, found.compared_from) == (this_week - timedelta(weeks=1), this_week - timedelta(weeks=5))
    assert (found.films, found.cause) == (100, JumpCause.PREVALENCE)
    assert found.limit == pytest.approx(20.5 / 80)
    assert found.distance > 0.4
    assert jump(services, services.person("Eve", "Valley")) is None
    with pytest.raises(NotFound):
        jump(services, services.person("Dora", role=Role.DOCTOR))


def test_refusals_and_another_device_are_named(services: Services) -> None:
    ada = services.person()
    for weeks_ago in (5, 4, 3, 2):
        answer(services, ada, weeks_ago, USUAL)
    answer(services, ada, 1, [*USUAL, *[None] * 100])
    found = jump(services, ada)
    assert found is not None and found.cause is JumpCause.REFUSALS
    services.session.execute(update(FilmRecord).values(device="A 1"))
    services.clock.forward(days=7)
    answer(services, ada, 1, [0.3] * 300)
    newest = select(Study.id).order_by(Study.id.desc()).limit(1).scalar_subquery()
    services.session.execute(update(FilmRecord).where(FilmRecord.study_id == newest).values(device="B 2"))
    found = jump(services, ada)
    assert found is not None and found.cause is JumpCause.PICTURES


def test_where_films_are_few_four_weeks_are_compared_with_twelve(services: Services) -> None:
    ada = services.person()
    for weeks_ago in range(5, 17):
        answer(services, ada, weeks_ago, [0.1] * 20 + [0.9] * 5)
    for weeks_ago in range(1, 5):
        answer(services, ada, weeks_ago, [0.1] * 5 + [0.9] * 20)
    found = jump(services, ada)
    assert found is not None
    assert (found.films, (found.since - found.compared_from).days) == (100, 84)


def test_one_jump_is_one_alarm_until_weeks_after_it_are_compared_alone(services: Services) -> None:
    ada = services.person()
    for weeks_ago in (5, 4, 3, 2):
        answer(services, ada, weeks_ago, USUAL)
    answer(services, ada, 1, [0.9] * 100)
    (alarm,) = raised(services, ada)
    assert (alarm.sort, alarm.finding, alarm.since) == (
        "answers",
        "COVID-19",
        monday(services.clock().date()) - timedelta(7),
    )
    assert alarm.figures["cause"] == "prevalence"
    assert raised(services, ada) == []
    alarm.acknowledged_at = services.clock()
    services.clock.forward(days=7)
    answer(services, ada, 1, [0.9] * 100)
    assert jump(services, ada) is not None  # one of the four weeks before was like this one
    assert raised(services, ada) == []
    for _week in range(3):
        services.clock.forward(days=7)
        answer(services, ada, 1, [0.9] * 100)
    assert jump(services, ada) is None
    services.clock.forward(days=7)
    answer(services, ada, 1, USUAL)
    assert len(raised(services, ada)) == 1
