from __future__ import annotations

import threading

from lungwise.store.background_thread import BackgroundThread


class Waiting(BackgroundThread):
    name = "waiting"
    stop_seconds = 60.0

    def __init__(self) -> None:
        super().__init__()
        self.began, self.ended = threading.Event(), threading.Event()

    def _work(self) -> None:
        self.began.set()
        self._stopping.wait()
        self.ended.set()


def test_it_works_until_it_is_asked_to_stop() -> None:
    waiting = Waiting()
    waiting.start()
    assert waiting.began.wait(60) and not waiting.ended.is_set()
    waiting.stop()
    assert waiting.ended.is_set()


def test_what_never_began_is_stopped_at_once() -> None:
    waiting = Waiting()
    waiting.stop()
    assert not waiting.began.is_set()
