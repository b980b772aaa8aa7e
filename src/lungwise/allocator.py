"""Memory: the C library's allocator releases what a film took, and Python looks for garbage where there can be some.

glibc keeps what threads have freed: each thread gets an arena of its own, and after the first large block is freed,
the next ones come from the heap and split it for good. A server of eight threads so grew from 160 MB to 800 MB in a
day. Large blocks in mappings of their own go back to the system when they are freed.
"""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Options of mallopt(3)."""
_COLLECT_AFTER = 10_000
"""New objects after which Python looks for cycles among them; by itself it does after 700."""
_OPTIONS = {_ARENA_MAX: 2, _MMAP_THRESHOLD: 256 << 10, _TRIM_THRESHOLD: 256 << 10}


def give_memory_back() -> None:
    """Bound what the allocator keeps; call it before threads begin. Whoever sets MALLOC_... knows better.

    Does nothing where the C library is not glibc, whose allocator alone needs it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and not any(name.startswith("MALLOC_") for name in os.environ):
        for option, value in _OPTIONS.items():
            mallopt(option, value)


@contextmanager
def loading() -> Iterator[None]:
    """Load modules without looking for garbage: what they make stays, and to walk it takes as long as to make it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def collect_rarely() -> None:
    """Let Python look for garbage seldom, and never among what is there now; call it when everything is loaded.

    A server holds half a million objects that stay. To walk them again and again takes a fifth of a page's time.
    """
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
