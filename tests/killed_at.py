"""Run a command and die of `kill -9` before the database's Nth statement: `python tests/killed_at.py N db upgrade`."""

from __future__ import annotations

import os
import signal
import sys
from itertools import count

from sqlalchemy import Engine, event

from lungwise.cli import main


def _die_at(number: int) -> None:
    statements = count(1)

    @event.listens_for(Engine, "before_cursor_execute")
    def _before(*_what: object) -> None:
        if next(statements) == number:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _die_at(int(sys.argv[1]))
    main(sys.argv[2:])
