"""Renews leases: shows every while that the jobs of a batch are still worked on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from lungwise.store.lease_queue import Lease

_log = logging.getLogger("lungwise.lease_renewer")
_RENEWALS = 30
"""How often a lease is renewed, three times in its length, before the worker is taken to be stuck."""


class LeaseRenewer:
    """Renews the leases of one worker in one thread, which ends when it finds none.

    Parameters
    ----------
    renew
        Renews one lease in the database.
    seconds
        How long a lease holds.
    """

    def __init__(self, renew: Callable[[Lease], None], seconds: float) -> None:
        self._renew = renew
        self._pause = seconds / 3
        self._lock = threading.Lock()
        self._held: dict[Lease, int] = {}
        self._running = False

    @contextmanager
    def hold(self, batch: Collection[Lease]) -> Iterator[None]:
        """Keep leases while the block works on their jobs."""
        with self._lock:
            self._held |= dict.fromkeys(batch, _RENEWALS)
            if not self._running:
                threading.Thread(target=self._run, name="lease renewer", daemon=True).start()
                self._running = True
        try:
            yield
        finally:
            with self._lock:
                for lease in batch:
                    self._held.pop(lease, None)

    def _run(self) -> None:
        wait = threading.Event().wait
        while not wait(self._pause):
            with self._lock:
                self._held = {lease: left - 1 for lease, left in self._held.items() if left}
                self._running = bool(self._held)
                held = list(self._held)
            if not held:
                return
            for lease in held:
                self._renew_one(lease)

    def _renew_one(self, lease: Lease) -> None:
        try:
            self._renew(lease)
        except Exception as error:  # it must go on, for this lease and the others
            _log.warning("A lease could not be renewed; it is tried again: %s", error)
