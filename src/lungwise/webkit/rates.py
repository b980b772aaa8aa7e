"""How many requests a token may make in a minute: counted by all processes together where the broker is Redis.

Without Redis, and while it does not answer, each process counts for itself: N processes let N times as many through.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from flask import g, request
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage

from lungwise.settings import Settings
from lungwise.store import Clock
from lungwise.webkit import bodies
from lungwise.webkit.problems import Refused

WINDOW_SECONDS = 60
_ANSWER_SECONDS = 1
"""Time that Redis has to answer."""
_log = logging.getLogger("lungwise.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many requests a token has left, and the seconds until the count begins again."""

    limit: int
    left: int
    seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """What an answer says of it (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Policy": f'"token";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"token";r={max(self.left, 0)};t={self.seconds}',
        }


class Rates:
    """Counts the requests of every token, minute by minute.

    Parameters
    ----------
    name
        What is counted apart from other requests of the same token.
    """

    def __init__(self, settings: Settings, clock: Clock, name: str) -> None:
        self._limit = settings.api_rate
        self._clock = clock
        self._name = name
        self._own = MemoryStorage()
        self._shared = _redis(settings.broker)
        self._shared_again_at = 0.0

    def count(self, token: int) -> Rate:
        """Count one request; `left` is below zero for one too many."""
        minute, second = divmod(int(self._clock().timestamp()), WINDOW_SECONDS)
        count = self._increment(f"{self._name}:{token}:{minute}")
        return Rate(limit=self._limit, left=self._limit - count, seconds=WINDOW_SECONDS - second)

    def _increment(self, key: str) -> int:
        if self._shared and time.monotonic() >= self._shared_again_at:
            try:
                return self._shared.incr(key, WINDOW_SECONDS)
            except StorageError as error:
                _log.warning("Redis does not answer (%s). This process counts requests for itself.", error)
                self._shared_again_at = time.monotonic() + WINDOW_SECONDS
        return self._own.incr(key, WINDOW_SECONDS)


def _redis(url: str) -> Storage | None:
    if not url.startswith(("redis://", "rediss://")):
        return None
    return RedisStorage(
        url,
        key_prefix="lungwise-rates",
        wrap_exceptions=True,
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
    )


def limit(rates: Rates) -> None:
    """Count the request, and refuse one too many; one that only asks about its body is counted when the body comes."""
    if bodies.ASKS in request.environ:
        return
    g.rate = rates.count(g.token_id)
    if g.rate.left < 0:
        raise Refused(429, {"Retry-After": str(g.rate.seconds)})
