"""Work that a server does once in the background after it has started."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod

from sqlalchemy.exc import SQLAlchemyError

from lungwise.store.database import Database
from lungwise.store.keys import EncryptionError

_STOP_SECONDS = 15
_log = logging.getLogger("lungwise.start")


class StartUpTask(ABC):
    """Does something once in the background, so that the first page need not wait for it."""

    name: str
    """Of its thread."""
    failure: str
    """What the log says where the database or a key is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the piece in hand."""
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)

    @abstractmethod
    def run(self) -> int:
        """Do all of it in the calling thread, and return of how much."""

    def _work(self) -> None:
        try:
            self.run()
        except (SQLAlchemyError, EncryptionError):
            _log.exception(self.failure)
