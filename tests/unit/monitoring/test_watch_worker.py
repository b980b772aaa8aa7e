from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from answered import answer
from listener import Listener, listener
from lungwise.access import Role
from lungwise.accounts.models import Mail
from lungwise.monitoring.alarms import count_open
from lungwise.monitoring.cusum import BASELINE
from lungwise.monitoring.drift import read_reference
from lungwise.monitoring.models import Alarm, WatchRun
from lungwise.monitoring.watch_worker import AlarmCaller, WeeklyWatch
from lungwise.store import Database, FilmStore
from lungwise.wiring import Wiring
from watched import RIGHT, WRONG, open_studies, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Services
    from lungwise.settings import Settings

SECRET = "a secret that nobody guesses"


@pytest.fixture
def heard() -> Iterator[Listener]:
    with listener() as found:
        yield found


def set_up(services: Services, heard: Listener) -> Settings:
    changed = {"smtp_host": "mail.example.org", "public_url": "https://lungwise.example.org"}
    return heard.set_up(services.settings, SECRET).model_copy(update=changed)


def workers(services: Services, settings: Settings) -> tuple[Database, WeeklyWatch, AlarmCaller]:
    database = Database(settings)
    over = Wiring(settings, FilmStore(settings), services.clock).over
    return database, WeeklyWatch(database, services.clock, over), AlarmCaller(database, settings, services.clock)


def test_the_watch_of_a_week_raises_an_alarm_mails_it_and_calls_the_webhook_once(
    either_services: Services, heard: Listener
) -> None:
    services, ada = either_services, either_services.person()
    services.user("Dora", "Hill", Role.DOCTOR)
    services.user("Fritz", "Hill", Role.ADMINISTRATOR).language = "fr"
    services.user("Eve", "Valley", Role.ADMINISTRATOR)
    open_studies(services.session, ada, 60, services.clock())
    verify(services.session, ada, [RIGHT] * BASELINE + [WRONG] * 8)
    settings = set_up(services, heard)
    database, watch, caller = workers(services, settings)
    _other, beside, _caller = workers(services, settings)
    watch.queue_week()
    beside.queue_week()
    assert sorted([*watch.work_all(), *beside.work_all()]) == [0, 1]  # two clinics, each looked at once
    heard.status = 503
    assert list(caller.work_all()) == [False]
    heard.status = 204
    assert list(caller.work_all()) == []  # it waits a while
    services.clock.forward(minutes=2)
    assert list(caller.work_all()) == [True]
    services.clock.forward(days=1)
    assert list(caller.work_all()) == []
    services.session.rollback()
    alarm = services.session.scalars(select(Alarm)).one()
    first, second = (json.loads(body) for _headers, body in heard.messages)
    assert first == second
    assert first["id"] == alarm.key
    assert (first["finding"], first["sort"], first["clinic"]) == ("COVID-19", "misses", "Hill")
    assert first["page"] == "https://lungwise.example.org/drift"
    letters = [json.loads(mail.content) for mail in services.session.scalars(select(Mail).order_by(Mail.id))]
    assert [letter["to"] for letter in letters] == ["ada.hill@example.org", "fritz.hill@example.org"]
    assert "COVID-19: the model misses more patients than before." in letters[0]["text"]
    assert "https://lungwise.example.org/drift" in letters[0]["text"]
    assert letters[1]["subject"] != letters[0]["subject"]
    database.close()
    _other.close()


def test_answers_that_jumped_are_an_alarm_as_mistakes_are(services: Services, heard: Listener) -> None:
    ada, model = services.person(), read_reference().model
    for weeks_ago in (5, 4, 3, 2):
        answer(services, ada, weeks_ago, [0.1] * 80 + [0.9] * 20, model)
    answer(services, ada, 1, [0.1] * 20 + [0.9] * 80, model)
    services.session.commit()
    settings = set_up(services, heard)
    database, watch, caller = workers(services, settings)
    watch.queue_week()
    assert list(watch.work_all()) == [1]
    assert watch.look(ada.clinic_id) == 0  # it is open
    assert list(caller.work_all()) == [True]
    services.session.rollback()
    said = json.loads(heard.messages[0][1])
    assert (said["event"], said["sort"], said["films"], said["since"]) == ("alarm", "answers", 100, "2026-02-23")
    assert (said["cause"], said["limit"]) == ("prevalence", 0.26)
    assert "wrong" not in said
    assert count_open(services.session) == {("COVID-19", "answers"): 1}
    (mail,) = services.session.scalars(select(Mail))
    assert "clearly different from those of the weeks before" in json.loads(mail.content)["text"]
    database.close()


def test_each_clinics_week_begins_on_monday_where_it_stands(services: Services, heard: Listener) -> None:
    services.person()
    services.person("Eve", "Valley")
    settings = set_up(services, heard)
    database, watch, _caller = workers(services, settings)
    with database.writing() as session:
        valley = Wiring(settings, FilmStore(settings)).over(session).clinics.named("Valley")
        valley.time_zone = "Pacific/Auckland"
    services.clock.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # a Sunday; in Auckland it is Monday already
    watch.work()
    watch.work()
    services.clock.now += timedelta(hours=12)
    watch.work()
    services.session.rollback()
    runs = services.session.execute(select(WatchRun.clinic_id, WatchRun.week, WatchRun.state)).all()
    assert sorted((clinic, week.day, state) for clinic, week, state in runs) == [
        (1, 2, "done"),
        (1, 23, "done"),
        (2, 2, "done"),
    ]
    database.close()
