"""The heart of a reading room: shows every while that the films in hand are still worked on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from lungwise.jobs.reading_queue import Claim

_log = logging.getLogger("lungwise.heart")
_BEATS = 30
"""How often a lease is renewed, thrice in its time, before a film's reader is taken for stuck."""


class LeaseRenewer:
    """Renews the claims of one room in one thread, which ends at the first beat that finds none.

    Parameters
    ----------
    renew
        Renews one claim in the database.
    lease
        Seconds for which a claim holds.
    """

    def __init__(self, renew: Callable[[Claim], None], lease: float) -> None:
        self._renew = renew
        self._pause = lease / 3
        self._lock = threading.Lock()
        self._held: dict[Claim, int] = {}
        self._beating = False

    @contextmanager
    def hold(self, hand: Collection[Claim]) -> Iterator[None]:
        """Keep claims while the block works on them."""
        with self._lock:
            self._held |= dict.fromkeys(hand, _BEATS)
            if not self._beating:
                threading.Thread(target=self._beat, name="heart", daemon=True).start()
                self._beating = True
        try:
            yield
        finally:
            with self._lock:
                self._held = {claim: beats for claim, beats in self._held.items() if claim not in hand}

    def _beat(self) -> None:
        wait = threading.Event().wait
        while True:
            wait(self._pause)
            with self._lock:
                self._held = {claim: beats - 1 for claim, beats in self._held.items() if beats}
                self._beating = bool(self._held)
                held = list(self._held)
            if not held:
                return
            for claim in held:
                self._keep(claim)

    def _keep(self, claim: Claim) -> None:
        try:
            self._renew(claim)
        except Exception as error:  # the heart must beat on, for this claim and the others
            _log.warning("A lease could not be renewed; it is tried again: %s", error)
