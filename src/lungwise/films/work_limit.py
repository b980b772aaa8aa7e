"""How long a film may be worked on: a small one here, a large one in a process that is ended at a bound.

Decoders are native code that nobody can interrupt. Up to `MOST_SAMPLES_HERE` their work is
bounded by its size, and a film is decoded where it is asked for. Beyond, it goes to a
process of its own with so many seconds of the processor's time and a bound on its memory.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lungwise.films.limits import damaged
from lungwise.films.refusals import Refusal

T = TypeVar("T")

DEFAULT_SECONDS = 20.0
MOST_SAMPLES_HERE = 20_000_000
SCANS_AS_ONE = 8
"""Scans of a progressive JPEG that cost as much as decoding it once: each walks a part of its numbers."""

_BUSY = 10
"""How many times slower a busy machine may be: what is bounded closely is the processor's time."""
_ENVIRONMENT = (
    "PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL",
)  # fmt: skip
_AT_ONCE = threading.BoundedSemaphore(2)
_seconds = DEFAULT_SECONDS
_allowance: ContextVar[int | None] = ContextVar("allowance", default=None)


class TooMuchHereError(Exception):
    """The work is for a process of its own."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a process gave back: numbers, and what belongs to them."""

    array: NDArray[Any]
    facts: dict[str, Any]


def set_seconds(seconds: float) -> None:
    """Set the processor time of every film of this process from here on."""
    global _seconds
    _seconds = seconds


def film_seconds() -> float:
    """Give the processor time of every film of this process."""
    return _seconds


def check_work(samples: int) -> None:
    """Say how many samples are about to be walked, before they are.

    Raises
    ------
    TooMuchHereError
        If that is too much for a thread that nobody can interrupt.
    """
    most = _allowance.get()
    if most is not None and samples > most:
        raise TooMuchHereError


def bounded(here: Callable[[], T], elsewhere: Callable[[float], T]) -> T:
    """Do the work here, or where it is too much, elsewhere within so many seconds of the processor's time.

    Raises
    ------
    Refusal
        `too-slow`, or what the work itself raises.
    """
    began = time.thread_time()
    try:
        with _allowing(MOST_SAMPLES_HERE):
            result = here()
    except TooMuchHereError:
        result = None
    left = _seconds - (time.thread_time() - began)
    if left <= 0:
        raise too_slow(_seconds)
    return elsewhere(left) if result is None else result


def too_slow(seconds: float) -> Refusal:
    """Say that a film took more of the processor's time than a film may."""
    return Refusal("too-slow", {"seconds": f"{seconds:g}"})


@contextmanager
def _allowing(samples: int) -> Iterator[None]:
    token = _allowance.set(samples)
    try:
        yield
    finally:
        _allowance.reset(token)


def in_process(task: str, data: bytes, seconds: float, about: dict[str, Any] | None = None) -> Decoded:
    """Do a task of `film_process.py` in a process of its own; `about` says more of the data, where there is more.

    Raises
    ------
    Refusal
        What the task raises; `too-slow`; `damaged`, if its decoder ends the process.
    MemoryError
        If there is too little memory for it.
    """
    command = [sys.executable, "-P", "-m", "lungwise.films.film_process", task, str(seconds), json.dumps(about)]
    with _AT_ONCE:
        try:
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=plain_environment(),
            )
        except OSError as error:
            raise MemoryError(str(error)) from error
        with process, _ended_after(process, _BUSY * seconds):
            found = _exchange(process, data)
    if found is None:
        raise failure(process.returncode)
    return found


def plain_environment() -> dict[str, str]:
    """Give the environment of a process that decodes foreign bytes: no keys or passwords, and one thread."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@contextmanager
def _ended_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()


def _exchange(process: subprocess.Popen[bytes], data: bytes) -> Decoded | None:
    assert process.stdin and process.stdout  # noqa: S101 - as it was started
    try:
        process.stdin.write(data)
        process.stdin.close()
    except BrokenPipeError:
        return None
    head = process.stdout.readline()
    if not head.endswith(b"\n"):
        return None
    facts = json.loads(head)
    if "refusal" in facts:
        raise Refusal(*facts["refusal"])
    array = np.empty(facts["shape"], facts["dtype"])
    return Decoded(array, facts["facts"]) if _filled(process.stdout, array) else None


def _filled(source: IO[bytes], array: NDArray[Any]) -> bool:
    left = array.reshape(-1).view(np.uint8).data
    while left:
        count = source.readinto(left)  # type: ignore[attr-defined]  # a buffered reader has it
        if not count:
            return False
        left = left[count:]
    return True


def failure(code: int | None) -> Exception:
    """Say what it means that the process ended with this code before it answered."""
    if code is None or code > 0:  # it never began
        return MemoryError("the process of a large film ended")
    if -code in (getattr(signal, name, 0) for name in ("SIGPROF", "SIGXCPU", "SIGKILL")):
        return too_slow(_seconds)
    return damaged("pixels")
