from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.audit.models import AuditEntry
from lungwise.errors import NotFound
from lungwise.monitoring.alarms import Alarms, count_open
from lungwise.monitoring.cusum import BASELINE
from lungwise.monitoring.local_films import ClinicFilms
from lungwise.reading.artefact import Thresholds
from lungwise.reading.pattern import COVID
from watched import MODEL, RIGHT, WRONG, open_studies, verify

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.access import Person
    from lungwise.monitoring.models import Alarm

MISSES = (COVID, "misses")


def alarms(services: Services, *, calls_webhook: bool = False) -> Alarms:
    films = ClinicFilms(services.session, 3)
    return Alarms(
        services.session,
        services.clock,
        services.audit,
        films,
        lambda _clinic, _finding: Thresholds(lower=0.2, upper=0.7),
        calls_webhook=calls_webhook,
    )


def look(services: Services, person: Person) -> list[Alarm]:
    """Look at a clinic's charts as the weekly watch does."""
    model, charts = alarms(services).charts(person)
    assert model == MODEL
    return alarms(services).raise_new(person, model, charts)


def test_an_alarm_is_raised_once_acknowledged_and_raised_again_only_by_new_results(either_services: Services) -> None:
    services, ada = either_services, either_services.person()
    open_studies(services.session, ada, 120, services.clock())
    verify(services.session, ada, [RIGHT] * BASELINE)
    assert look(services, ada) == []
    verify(services.session, ada, [WRONG] * 6)
    (alarm,) = look(services, ada)
    assert (alarm.finding, alarm.sort) == MISSES
    assert (alarm.films, alarm.wrong) == (6, 6)
    assert look(services, ada) == []
    verify(services.session, ada, [WRONG] * 6)
    assert look(services, ada) == []  # the first is still open
    assert count_open(services.session) == {MISSES: 1}
    alarms(services).acknowledge(ada, alarm.key)
    alarms(services).acknowledge(ada, alarm.key)
    assert count_open(services.session) == {}
    assert alarms(services).past(ada)[0].acknowledged_by == "Ada"
    assert [entry.action for entry in services.session.query(AuditEntry)][-1] == "acknowledged"
    (again,) = look(services, ada)
    assert again.result > alarm.result
    assert [one.key for one in alarms(services).open(ada)] == [again.key]


def test_results_that_came_together_raise_one_alarm_that_speaks_of_them_all(services: Services) -> None:
    ada = services.person()
    open_studies(services.session, ada, 120, services.clock())
    verify(services.session, ada, [RIGHT] * BASELINE)
    verify(services.session, ada, [WRONG] * 40 + [RIGHT] * 2)
    (alarm,) = look(services, ada)
    assert (alarm.films, alarm.wrong) == (42, 40)
    _model, charts = alarms(services).charts(ada)
    assert [chart.watched for chart in charts if (chart.finding, chart.errors) == MISSES] == [42]  # it is still drawn
    alarms(services).acknowledge(ada, alarm.key)
    assert look(services, ada) == []
    verify(services.session, ada, [WRONG] * 8)
    (again,) = look(services, ada)
    assert again.films == again.wrong <= 8 and again.result > alarm.result


def test_an_alarm_waits_for_the_webhook_where_there_is_one(services: Services) -> None:
    ada = services.person()
    open_studies(services.session, ada, 60, services.clock())
    verify(services.session, ada, [RIGHT] * BASELINE + [WRONG] * 8)
    model, charts = alarms(services).charts(ada)
    assert model is not None
    (alarm,) = alarms(services, calls_webhook=True).raise_new(ada, model, charts)
    assert alarm.state == "queued"


def test_a_clinic_without_films_has_no_charts_and_only_administrators_see_alarms(services: Services) -> None:
    assert alarms(services).charts(services.person()) == (None, [])
    doctor, other = services.person("Dora", role=Role.DOCTOR), services.person("Eve", "Valley")
    for ask in (alarms(services).open, alarms(services).past, alarms(services).charts):
        with pytest.raises(NotFound):
            ask(doctor)
    with pytest.raises(NotFound):
        alarms(services).acknowledge(other, "nothing")
