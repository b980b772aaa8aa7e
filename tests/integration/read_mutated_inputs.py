"""Reads every second mutated input, each within 1 GB and the time of large films; run by test_mutated_inputs.py."""

from __future__ import annotations

import faulthandler
import itertools
import resource
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from lungwise.films import Refusal, open_film
from mutated import mutated_inputs
from synthetic_films import picture

MEMORY, HANGS = 2**30, 60.0
LARGE_FILMS = 8
"""How many times the processor time of a large sound film an input may take, in the same run."""
CODES = {
    "empty", "not-an-image", "damaged", "too-small", "several-frames", "too-many-pixels",
    "not-a-radiograph", "encrypted", "unsupported", "too-large", "too-slow",
}  # fmt: skip


def main(count: int, start: int) -> None:
    """Say each input's name before it is read; the last one said is the one that ended this process."""
    warnings.simplefilter("error")
    inputs = list(itertools.islice(mutated_inputs(count), start, None, 2))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    baseline = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (baseline + MEMORY, resource.RLIM_INFINITY))
    large = picture(Image.new("L", (7000, 7000)), "PNG")
    cost_of(large)  # the first one pays for what is loaded
    seconds = LARGE_FILMS * min(cost_of(large) for _again in range(3))
    for name, data in inputs:
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        faulthandler.dump_traceback_later(HANGS, exit=True)
        if (took := cost_of(data)) > seconds:
            sys.exit(f"{took:.1f} s; large films take {seconds:.1f} s")
        faulthandler.cancel_dump_traceback_later()
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    if most > MEMORY:
        sys.exit(f"a process of a large film had {most} bytes")
    sys.stdout.write(f"all read {len(inputs)}\n")


def cost_of(data: bytes) -> float:
    """Read one input, and return how many seconds of processor time that took."""
    began = worked()
    read(data)
    return worked() - began


def worked() -> float:
    """Seconds of processor time so far, those of decoders in other processes too: a busy machine does not count."""
    uses = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def read(data: bytes) -> None:
    """Read one input; whatever is neither a sound film nor a refusal ends this process."""
    try:
        pixels = open_film(data).pixels
    except Refusal as refused:
        if refused.code not in CODES or not refused.reason.endswith("."):
            sys.exit(f"refused with {refused}")
        return
    if pixels.dtype != np.float32 or pixels.ndim != 2 or not (pixels.min() >= 0 and pixels.max() <= 1):
        sys.exit("a film beyond the unit range")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
