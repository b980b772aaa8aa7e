from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from lungwise.jobs.wake_ups import WakeUps

if TYPE_CHECKING:
    from servers import Redis


def waiting(tickets: WakeUps) -> int:
    return tickets._waiting()


def test_a_ticket_is_handed_out_where_a_film_waits_and_no_ticket_does(redis: Redis) -> None:
    tickets = WakeUps(redis.url)
    tickets.refill(lambda: False)
    assert waiting(tickets) == 0
    for _glance in range(3):
        tickets.refill(lambda: True)
    assert waiting(tickets) == 1
    tickets.celery.close()


def test_a_broker_that_forgot_everything_gets_a_ticket_again(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    tickets = WakeUps(redis.url)
    tickets.ring()
    redis.stop()
    with caplog.at_level(logging.WARNING):
        tickets.ring()  # no upload fails for this
    assert "The broker cannot be reached" in caplog.text
    redis.start()
    assert waiting(tickets) == 0
    tickets.refill(lambda: True)
    assert waiting(tickets) == 1
    tickets.celery.close()
