"""Run the command line so that it dies of `kill -9` with two things in hand: a film that is read, and earlier ones.

It dies once the first earlier film is kept, before the archive hears of that, while the reader reads on for ever.
"""

from __future__ import annotations

import os
import signal
import threading

from lungwise.cli import bootstrap, main
from lungwise.films import Film
from lungwise.reading.reading import Reading
from lungwise.receiving.priors import PriorReceiver
from lungwise.receiving.receiver import Kept
from lungwise.receiving.uploads import ReceivedInstance
from with_stuck_reader import StuckReader

_reading = threading.Event()
_keep = PriorReceiver.accept


class BegunReader(StuckReader):
    """A reader that begins, says so, and does not end."""

    def read(self, film: Film) -> Reading:
        """Read for ever."""
        _reading.set()
        return super().read(film)


def _keep_and_die(self: PriorReceiver, instance: ReceivedInstance, address: str) -> Kept:
    _keep(self, instance, address)
    _reading.wait()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


if __name__ == "__main__":
    bootstrap.make_reader = lambda streams=None: BegunReader()
    PriorReceiver.accept = _keep_and_die  # type: ignore[method-assign]
    main()
