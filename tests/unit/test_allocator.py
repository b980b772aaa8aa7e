from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ROUNDS = """
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil

from lungwise.allocator import give_memory_back

if sys.argv[1] == "bounded":
    give_memory_back()
kept, held = [], lambda: psutil.Process().memory_info().rss >> 20
fresh = held()


def film(number):
    for side in (3, 7, 12, 24):
        block = bytearray((side << 20) + number)
        block[:: 4096] = b"x" * len(block[:: 4096])
        kept.append(bytearray(3000))  # what stays lies behind what goes


with ThreadPoolExecutor(8) as threads:
    list(threads.map(film, range(64)))
    print(held() - fresh)
"""


GARBAGE = """
import gc

from lungwise.allocator import collect_rarely, loading

with loading():
    assert not gc.isenabled()
    before = gc.get_freeze_count()
    made = [[number] for number in range(5000)]
assert gc.isenabled()
assert gc.get_freeze_count() >= before + 5000
served = [[number] for number in range(5000)]
collect_rarely()
assert gc.get_freeze_count() >= before + 10_000
assert gc.get_threshold()[0] > 700
ring = []
ring.append(ring)
del ring
assert gc.collect() == 1
"""


def test_garbage_is_looked_for_rarely_and_not_among_what_stays() -> None:
    subprocess.run([sys.executable, "-c", GARBAGE], check=True)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators give back by themselves")
def test_what_films_took_goes_back_to_the_system() -> None:
    command = [sys.executable, "-c", ROUNDS, "bounded"]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 20
