"""Progress for people: a bar on stderr if it is a terminal, otherwise nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")

Report = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and of how much."""


@contextmanager
def progress() -> Iterator[Report]:
    """Show one bar; the value is a function that moves it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of)


def counted(items: Iterable[T], what: str, of: int) -> Iterator[T]:
    """Pass items through and show how many have come."""
    with progress() as report:
        report(what, 0, of)
        for done, item in enumerate(items, start=1):
            yield item
            report(what, done, of)
