"""A thread that a server begins and ends."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class BackgroundThread(ABC):
    """Works in a thread of its own from `start` until it is done or `stop` asks it to be."""

    name: str
    """Of the thread."""
    stop_seconds: float
    """How long `stop` waits for the piece in hand."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the piece in hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(self.stop_seconds)

    @property
    def is_alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    @abstractmethod
    def _work(self) -> None:
        """Work until all is done or `_stopping` is set."""
