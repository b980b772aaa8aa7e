"""Commands that die of `kill -9` before the database's Nth statement, in processes that begin with what is imported."""

from __future__ import annotations

import os
import signal
from itertools import count
from multiprocessing import get_context

from sqlalchemy import Engine, event

from lungwise.cli import main

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["lungwise.cli.db", "lungwise.web_app"])


def killed_at(number: int, environment: dict[str, str], *words: str) -> bool:
    """Run a command that dies before its Nth statement, and say whether it came so far."""
    process = _CONTEXT.Process(target=_run, args=(number, environment, words))
    process.start()
    process.join()
    return process.exitcode == -signal.SIGKILL


def _run(number: int, environment: dict[str, str], words: tuple[str, ...]) -> None:
    os.environ.update(environment)
    _die_at(number)
    main(list(words))


def _die_at(number: int) -> None:
    statements = count(1)

    @event.listens_for(Engine, "before_cursor_execute")
    def _before(*_what: object) -> None:
        if next(statements) == number:
            os.kill(os.getpid(), signal.SIGKILL)
