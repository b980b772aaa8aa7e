"""The parts of a command that works until it is told to stop: begun and ended together, and missed if one dies."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import click

_LOOK_SECONDS = 1.0
"""How often it is looked whether every part lives. A signal that comes just before a look does not end a long wait."""


class Background(Protocol):
    """What works in the background of a process."""

    def start(self) -> object:
        """Begin."""

    def stop(self) -> None:
        """Finish what is in hand."""


class Part(Background, Protocol):
    """What a process cannot do without while it runs."""

    @property
    def name(self) -> str:
        """Which part it is, for the log."""

    @property
    def is_alive(self) -> bool:
        """Whether it still works."""


def run(parts: Sequence[Part], begun: Callable[[], None]) -> None:
    """Run parts until this process is told to stop; stop them in the same order.

    Parameters
    ----------
    begun
        Says that all have begun.

    Raises
    ------
    ClickException
        If one of them has died: half a process is worse than none, which is started again.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stop.set())
    for part in parts:
        part.start()
    begun()
    dead = _wait(parts, stop)
    for part in parts:
        part.stop()
    if dead:
        raise click.ClickException(f"The part “{dead}” has died; the log may say why. Start this command again.")


def _wait(parts: Sequence[Part], stop: threading.Event) -> str:
    """Wait until a part dies, and return its name; or until this process is told to stop."""
    while not stop.wait(_LOOK_SECONDS):
        for part in parts:
            if not part.is_alive:
                return part.name
    return ""
