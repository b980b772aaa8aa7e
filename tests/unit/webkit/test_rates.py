from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from lungwise.webkit.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock
    from lungwise.settings import Settings
    from servers import Redis


@pytest.fixture
def rates_of(settings: Settings, clock: Clock) -> Callable[..., Rates]:
    """Make what one process counts with."""
    return lambda limit, broker="", name="api": Rates(
        settings.model_copy(update={"api_rate": limit, "broker_url": SecretStr(broker)}), clock, name
    )


def test_one_request_too_many_is_seen_and_each_token_counts_for_itself(rates_of: Callable[..., Rates]) -> None:
    rates = rates_of(2)
    assert [rates.count(1).left for _ in range(3)] == [1, 0, -1]
    assert rates.count(2).left == 1


def test_the_next_minute_begins_anew(rates_of: Callable[..., Rates], clock: Clock) -> None:
    rates = rates_of(1)
    clock.forward(seconds=20)
    rates.count(1)
    spent = rates.count(1)
    assert (spent.left, spent.seconds) == (-1, 40)
    clock.forward(seconds=spent.seconds)
    assert rates.count(1).left == 0


def test_the_headers_never_say_less_than_nothing(rates_of: Callable[..., Rates]) -> None:
    rates = rates_of(1)
    rates.count(1)
    assert rates.count(1).headers == {"RateLimit-Policy": '"token";q=1;w=60', "RateLimit": '"token";r=0;t=60'}


def test_two_processes_count_together_over_redis_and_each_for_itself_without(
    rates_of: Callable[..., Rates], redis: Redis
) -> None:
    one, two, other = rates_of(3, redis.url), rates_of(3, redis.url), rates_of(3, redis.url, "dicomweb")
    assert [rates.count(1).left for rates in (one, two, one, two)] == [2, 1, 0, -1]
    assert other.count(1).left == 2
    assert [rates.count(1).left for rates in (rates_of(3), rates_of(3))] == [2, 2]


def test_a_process_counts_for_itself_while_redis_is_away(
    rates_of: Callable[..., Rates], redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    rates = rates_of(2, redis.url)
    assert rates.count(1).left == 1
    redis.stop()
    assert [rates.count(1).left for _ in range(3)] == [1, 0, -1]
    assert caplog.text.count("Redis does not answer") == 1
