from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lungwise.store import Database, EncryptionError
from lungwise.store.start_up_task import StartUpTask

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from lungwise.settings import Settings


class Waiting(StartUpTask):
    """Waits until it is told to stop."""

    name = "waiting"
    failure = "It cannot wait now."
    began = threading.Event()

    def run(self) -> int:
        self.began.set()
        return int(self._stopping.wait(60))


class Locked(StartUpTask):
    name = "locked"
    failure = "The key is away; that goes on after the next start."

    def run(self) -> int:
        raise EncryptionError("no key")


def test_it_runs_in_the_background_until_it_is_stopped(settings: Settings, migrate: Callable[[Settings], None]) -> None:
    migrate(settings)
    database = Database(settings)
    task = Waiting(database)

    task.start()
    assert task.began.wait(60)
    task.stop()

    assert not task._thread.is_alive()
    database.close()


def test_where_a_key_is_away_the_log_says_what_comes_of_it(
    settings: Settings, migrate: Callable[[Settings], None], caplog: pytest.LogCaptureFixture
) -> None:
    migrate(settings)
    database = Database(settings)
    task = Locked(database)

    task.start()
    task._thread.join(60)

    assert "The key is away; that goes on after the next start." in caplog.text
    database.close()
