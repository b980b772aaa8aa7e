"""Limits on the work for one film: a small film is decoded here, a large one in a process that can be ended.

Decoders are native code that nobody can interrupt. Up to `MAX_SAMPLES_HERE` their work is
bounded by its size, and a film is decoded in the caller's thread. A larger film goes to a
process of its own, which has a limit on its processor time and on its memory.
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
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lungwise.films.limits import damaged, too_little_memory
from lungwise.films.refusals import Refusal

T = TypeVar("T")

DEFAULT_SECONDS = 20.0
MAX_SAMPLES_HERE = 20_000_000
SCANS_AS_ONE = 8
"""Scans of a progressive JPEG that cost as much as decoding it once: each walks a part of its numbers."""

BUSY_FACTOR = 10
"""How many times slower a busy machine may be: only processor time is limited closely."""
_ENVIRONMENT = (
    "PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL",
)  # fmt: skip
_processes = threading.BoundedSemaphore(2)
_seconds = DEFAULT_SECONDS
_allowance: ContextVar[int | None] = ContextVar("allowance", default=None)


class TooMuchHereError(Exception):
    """The work needs a process of its own."""


Decoded = tuple[NDArray[Any], dict[str, Any]]
"""What a process returned: an array, and the facts that belong to it."""


def set_seconds(seconds: float) -> None:
    """Set the processor time of every film of this process from here on."""
    global _seconds
    _seconds = seconds


def film_seconds() -> float:
    """Return the processor time of every film of this process."""
    return _seconds


def check_work(samples: int) -> None:
    """Note how many samples are about to be walked, before they are.

    Raises
    ------
    TooMuchHereError
        If that is too much for a thread that nobody can interrupt.
    """
    allowed = _allowance.get()
    if allowed is not None and samples > allowed:
        raise TooMuchHereError


def bounded(here: Callable[[], T], elsewhere: Callable[[float], T]) -> T:
    """Do the work here, or where it is too much, elsewhere within so many seconds of the processor's time.

    Raises
    ------
    Refusal
        `too-slow`, or what the work itself raises.
    """
    began = time.thread_time()
    token = _allowance.set(MAX_SAMPLES_HERE)
    try:
        result = here()
    except TooMuchHereError:
        result = None
    finally:
        _allowance.reset(token)
    left = _seconds - (time.thread_time() - began)
    if left <= 0:
        raise too_slow(_seconds)
    return elsewhere(left) if result is None else result


@contextmanager
def refused_errors() -> Iterator[None]:
    """Turn whatever a decoder of foreign bytes raises into a refusal.

    Raises
    ------
    Refusal
        As raised within; `too-large` without enough memory; `unsupported` without a library; otherwise `damaged`.
    """
    try:
        yield
    except Refusal:
        raise
    except ImportError as error:
        raise Refusal("unsupported", {"detail": "library", "library": error.name or "?"}) from error
    except MemoryError as error:
        raise too_little_memory() from error
    except Exception as error:  # decoders of foreign bytes raise anything
        raise damaged("pixels") from error


def too_slow(seconds: float) -> Refusal:
    """Refuse a film that took more of the processor's time than a film may."""
    return Refusal("too-slow", {"seconds": f"{seconds:g}"})


def in_process(task: str, data: bytes, seconds: float, about: dict[str, Any] | None = None) -> Decoded:
    """Do a task of `film_process.py` in a process of its own; `about` holds what else the task must know.

    Raises
    ------
    Refusal
        What the task raises; `too-slow`; `damaged`, if its decoder ends the process.
    MemoryError
        If there is too little memory for it.
    """
    command = [sys.executable, "-P", "-m", "lungwise.films.film_process", task, str(seconds), json.dumps(about)]
    with _processes:
        try:
            pipe, environment = subprocess.PIPE, plain_environment()
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment)  # noqa: S603
        except OSError as error:
            raise MemoryError(str(error)) from error
        with process, _ended_after(process, BUSY_FACTOR * seconds):
            found = _exchange(process, data)
    if found is None:
        raise failure(process.returncode)
    return found


def plain_environment() -> dict[str, str]:
    """Return the environment of a process that decodes foreign bytes: no keys or passwords, and one thread."""
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
    count = process.stdout.readinto(array.reshape(-1).view(np.uint8))  # type: ignore[attr-defined]  # it is buffered
    return (array, facts["facts"]) if count == array.nbytes else None


def failure(code: int | None) -> Exception:
    """Return the error of a process that ended with this code before it answered."""
    if code is None or code > 0:  # it never began
        return MemoryError("the process of a large film ended")
    if -code in (getattr(signal, name, 0) for name in ("SIGPROF", "SIGXCPU", "SIGKILL")):
        return too_slow(_seconds)
    return damaged("pixels")
