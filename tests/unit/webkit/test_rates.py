from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.webkit.rates import Rates

if TYPE_CHECKING:
    from conftest import Clock


def test_one_request_too_many_is_seen_and_each_token_counts_for_itself(clock: Clock) -> None:
    rates = Rates(2, clock)
    assert [rates.count(1).left for _ in range(3)] == [1, 0, -1]
    assert rates.count(2).left == 1


def test_the_next_minute_begins_anew(clock: Clock) -> None:
    rates = Rates(1, clock)
    clock.forward(seconds=20)
    rates.count(1)
    spent = rates.count(1)
    assert (spent.left, spent.seconds) == (-1, 40)
    clock.forward(seconds=spent.seconds)
    assert rates.count(1).left == 0


def test_the_headers_never_say_less_than_nothing(clock: Clock) -> None:
    rates = Rates(1, clock)
    rates.count(1)
    assert rates.count(1).headers == {"RateLimit-Policy": '"token";q=1;w=60', "RateLimit": '"token";r=0;t=60'}
