from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from lungwise.jobs.wake_ups import WakeUps

if TYPE_CHECKING:
    from servers import Redis


def waiting(wake_ups: WakeUps) -> int:
    return wake_ups._waiting()


def test_a_worker_is_called_where_a_film_waits_and_no_message_does(redis: Redis) -> None:
    wake_ups = WakeUps(redis.url)
    wake_ups.refill(lambda: False)
    assert waiting(wake_ups) == 0
    for _look in range(3):
        wake_ups.refill(lambda: True)
    assert waiting(wake_ups) == 1
    wake_ups.celery.close()


def test_a_broker_that_forgot_everything_gets_a_message_again(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    wake_ups = WakeUps(redis.url)
    wake_ups.notify()
    redis.stop()
    with caplog.at_level(logging.WARNING):
        wake_ups.notify()  # no upload fails for this
    assert "The broker cannot be reached" in caplog.text
    redis.start()
    assert waiting(wake_ups) == 0
    wake_ups.refill(lambda: True)
    assert waiting(wake_ups) == 1
    wake_ups.celery.close()
