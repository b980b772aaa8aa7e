"""Work that a server does once in the background after it has started."""

from __future__ import annotations

import logging
from abc import abstractmethod

from sqlalchemy.exc import SQLAlchemyError

from lungwise.store.background_thread import BackgroundThread
from lungwise.store.database import Database
from lungwise.store.keys import EncryptionError

_log = logging.getLogger("lungwise.start")


class StartUpTask(BackgroundThread):
    """Does something once in the background, so that the first page need not wait for it."""

    stop_seconds = 15.0
    failure: str
    """What the log says where the database or a key is away."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    @abstractmethod
    def run(self) -> int:
        """Do all of it in the calling thread, and return of how much."""

    def _work(self) -> None:
        try:
            self.run()
        except (SQLAlchemyError, EncryptionError):
            _log.exception(self.failure)
