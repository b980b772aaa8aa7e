"""Wake-ups: where there is a broker, each message calls one worker to read for a while.

A message names no film. The database is the queue; which film is next, who has it and what came of
it stand there alone. So a message may be lost, or come twice, or late, and no film is lost or read
twice by that.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import cache

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down
from kombu.exceptions import OperationalError

_TASK = "lungwise.work"
_QUEUE = "lungwise"
_BROKER_SECONDS = 2.0
"""Seconds for the broker to answer: a doctor may be waiting for the upload's page."""
_POLL_SECONDS = 2.0
"""Seconds between two looks whether a film waits that no message will call for."""
_FILM_SECONDS = 600
"""Seconds after which a process that still reads the same film is ended."""
_log = logging.getLogger("lungwise.wake_ups")


class WakeUps:
    """The messages at one broker."""

    def __init__(self, broker_url: str) -> None:
        self.celery = Celery("lungwise", broker=broker_url, set_as_current=False)
        self.celery.conf.update(
            task_default_queue=_QUEUE,
            task_ignore_result=True,
            task_acks_late=True,
            task_reject_on_worker_lost=True,
            task_time_limit=_FILM_SECONDS,
            worker_prefetch_multiplier=1,
            worker_enable_remote_control=False,
            worker_hijack_root_logger=False,
            broker_connection_timeout=_BROKER_SECONDS,
            broker_connection_retry_on_startup=True,
            broker_connection_max_retries=None,
            broker_transport_options=_transport(broker_url),
        )

    def notify(self) -> None:
        """Call one worker. Where the broker is away the message is lost, and `refill` will make up for it."""
        try:
            self.celery.send_task(_TASK, retry=False)
        except (OperationalError, OSError) as error:
            _log.warning("The broker cannot be reached; films stay queued until it can: %s", error)

    def refill(self, any_due: Callable[[], bool]) -> None:
        """Call a worker where films wait and no message does."""
        if any_due() and not self._waiting():
            self.notify()

    def _waiting(self) -> int:
        with self.celery.connection_for_read() as connection, connection.channel() as channel:
            return int(self.celery.amqp.queues[_QUEUE](channel).queue_declare().message_count)


def _transport(broker_url: str) -> dict[str, float]:
    """Bound how long Redis may keep silent; RabbitMQ has its heartbeat."""
    if not broker_url.startswith("redis"):
        return {}
    seconds = {"socket_connect_timeout": _BROKER_SECONDS, "socket_timeout": 5 * _BROKER_SECONDS}
    return {**seconds, "visibility_timeout": 2 * _FILM_SECONDS}


def answer(
    wake_ups: WakeUps, readers: int, make_work: Callable[[], Callable[[], object]], any_due: Callable[[], bool]
) -> None:
    """Answer messages with `readers` processes until the process is told to stop.

    Parameters
    ----------
    make_work
        Called once in each process that reads; its result reads what is queued, for a while.
    any_due
        Returns whether a film waits; called in this process, which makes up for messages that were lost.
    """
    work = cache(make_work)
    ended = threading.Event()

    def read() -> None:
        work()()

    def refill() -> None:
        while not ended.wait(_POLL_SECONDS):
            try:
                wake_ups.refill(any_due)
            except Exception as error:  # the database or the broker is away, and comes back
                _log.warning("It cannot be seen whether films wait: %s", error)

    wake_ups.celery.task(read, name=_TASK)
    refilling = threading.Thread(target=refill, name="refill", daemon=True)
    worker_ready.connect(lambda **_more: refilling.start(), weak=False)
    worker_shutting_down.connect(lambda **_more: ended.set(), weak=False)
    wake_ups.celery.Worker(concurrency=readers, without_mingle=True, without_gossip=True).start()
