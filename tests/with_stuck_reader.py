"""Run the command line with a reader that never comes to an end with a film."""

from __future__ import annotations

import threading

from lungwise.cli import bootstrap, main
from lungwise.films import Film
from lungwise.reading.reading import Reading


class StuckReader:
    """A reader that begins, and does not end."""

    model, version = "synthetic", "1"

    def read(self, film: Film) -> Reading:
        """Read for ever."""
        threading.Event().wait()
        raise AssertionError


if __name__ == "__main__":
    bootstrap.make_reader = lambda streams=None: StuckReader()
    main()
