from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.accounts.sessions import Sessions, device_of
from lungwise.errors import NotFound

if TYPE_CHECKING:
    from conftest import Services


def sessions_of(services: Services) -> Sessions:
    return Sessions(services.session, services.clock, services.settings, services.audit)


def test_a_session_is_listed_until_it_is_ended_and_then_worth_nothing(either_services: Services) -> None:
    sessions, ada = sessions_of(either_services), either_services.user("Ada", "Hill", Role.DOCTOR)
    first, second, third = (sessions.begin(ada, "Firefox/1 (Windows)") for _ in range(3))
    sessions.end(ada, first)
    assert [one.key for one in sessions.own(ada)] == [third, second]
    assert sessions.check(ada, first) is None
    sessions.end_others(ada, but=second)
    assert [one.key for one in sessions.own(ada)] == [second]


def test_nobody_ends_or_uses_the_session_of_another(services: Services) -> None:
    sessions = sessions_of(services)
    ada, bob = (services.user(name, "Hill", Role.DOCTOR) for name in ("Ada", "Bob"))
    key = sessions.begin(ada, "")
    assert sessions.check(bob, key) is None
    with pytest.raises(NotFound):
        sessions.end(bob, key)
    assert sessions.check(ada, key) is not None


def test_a_session_ends_by_idling_and_by_its_age(services: Services) -> None:
    sessions, ada = sessions_of(services), services.user("Ada", "Hill", Role.DOCTOR)
    idle, used = sessions.begin(ada, ""), sessions.begin(ada, "")
    services.clock.forward(minutes=40)
    sessions.seen(used)
    services.clock.forward(minutes=40)
    assert sessions.check(ada, idle) is None
    assert sessions.check(ada, used) is not None
    for _ in range(14):
        sessions.seen(used)
        services.clock.forward(minutes=50)
    sessions.seen(used)
    assert sessions.check(ada, used) is None


def test_when_it_was_seen_is_kept_once_a_minute_at_most(services: Services) -> None:
    sessions, ada = sessions_of(services), services.user("Ada", "Hill", Role.DOCTOR)
    found = sessions.check(ada, sessions.begin(ada, ""))
    assert found is not None
    services.clock.forward(seconds=59)
    assert not sessions.is_newly_seen(found)
    services.clock.forward(seconds=2)
    assert sessions.is_newly_seen(found)


def test_a_session_that_is_used_does_not_end_between_two_moments_that_are_kept(services: Services) -> None:
    strict = services.settings.model_copy(update={"session_idle_minutes": 1})
    sessions, ada = (
        Sessions(services.session, services.clock, strict, services.audit),
        services.user("Ada", "Hill", Role.DOCTOR),
    )
    key = sessions.begin(ada, "")
    for _ in range(10):
        services.clock.forward(seconds=45)
        found = sessions.check(ada, key)
        assert found is not None
        if sessions.is_newly_seen(found):
            sessions.seen(key)
            services.session.expire_all()


def test_what_is_over_for_months_is_deleted_when_the_account_signs_in_again(services: Services) -> None:
    sessions, ada = sessions_of(services), services.user("Ada", "Hill", Role.DOCTOR)
    for _ in range(5):
        sessions.end(ada, sessions.begin(ada, ""))
    services.clock.forward(days=91)
    sessions.begin(ada, "")
    services.session.expire_all()
    assert services.session.connection().exec_driver_sql("SELECT COUNT(*) FROM sign_ins").scalar() == 1


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox · Windows"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537 Chrome/140.0 Mobile Safari/537", "Chrome · Android"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140.0 Safari/537 Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Version/18 Safari/604", "Safari · iPhone"),
        ("curl/8.0", ""),
        ("<script>" * 1000, ""),
    ],
)
def test_a_device_is_named_by_its_browser_and_system(user_agent: str, device: str) -> None:
    assert device_of(user_agent) == device
