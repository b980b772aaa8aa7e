from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COUNT = int(os.environ.get("LUNGWISE_TEST_MUTATED", "2000"))
"""`make mutated` reads 10,000."""


def read_half(start: int) -> subprocess.CompletedProcess[str]:
    paths = [str(HERE.parent), str(HERE.parents[1] / "src"), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", str(HERE / "read_mutated_inputs.py"), str(COUNT), str(start)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=max(600, COUNT),
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the bound on memory is Linux's")
def test_mutated_inputs_give_a_film_or_a_refusal_within_the_time_of_large_films_and_1_gb() -> None:
    with ThreadPoolExecutor() as pool:
        for run in pool.map(read_half, (0, 1)):
            last = run.stdout.splitlines()[-1:]
            assert run.returncode == 0, f"ended with {run.returncode} at {last}: {run.stderr[-2000:]}"
            assert last == [f"all read {COUNT // 2}"]
