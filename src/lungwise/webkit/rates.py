"""How many requests a token may make: counted in each process, minute by minute."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from flask import g, request

from lungwise.store import Clock
from lungwise.webkit import bodies
from lungwise.webkit.problems import Refused

WINDOW = 60
"""Seconds of one count."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Where a token stands."""

    limit: int
    left: int
    seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """What an answer says of it (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Policy": f'"token";q={self.limit};w={WINDOW}',
            "RateLimit": f'"token";r={max(self.left, 0)};t={self.seconds}',
        }


class Rates:
    """Counts the requests of every token."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: dict[int, int] = {}

    def count(self, token: int) -> Rate:
        """Count one request; `left` is below zero for one too many."""
        now = int(self._clock().timestamp())
        minute = now // WINDOW
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            self._counts[token] = count = self._counts.get(token, 0) + 1
        return Rate(self._limit, self._limit - count, (minute + 1) * WINDOW - now)


def limit(rates: Rates) -> None:
    """Count the request, and refuse it where there were too many; one whose body is only asked for is counted later."""
    if bodies.ASKS in request.environ:
        return
    g.rate = rates.count(g.token_id)
    if g.rate.left < 0:
        raise Refused(429, {"Retry-After": str(g.rate.seconds)})
