"""Make the C library's memory allocator release what a film took.

glibc keeps what threads have freed: each thread gets an arena of its own, and after the first large block is freed,
the next ones come from the heap and split it for good. A server of eight threads so grew from 160 MB to 800 MB in a
day. Large blocks in mappings of their own go back to the system when they are freed.
"""

from __future__ import annotations

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Options of mallopt(3)."""
_OPTIONS = {_ARENA_MAX: 2, _MMAP_THRESHOLD: 256 << 10, _TRIM_THRESHOLD: 256 << 10}


def give_memory_back() -> None:
    """Bound what the allocator keeps; call it before threads begin. Whoever sets MALLOC_... knows better.

    Does nothing where the C library is not glibc, whose allocator alone needs it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and not any(name.startswith("MALLOC_") for name in os.environ):
        for option, value in _OPTIONS.items():
            mallopt(option, value)
