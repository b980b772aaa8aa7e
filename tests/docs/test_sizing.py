"""The sizing guide says what the committed measurements say."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "generate.py"))


def test_the_guide_is_written_from_the_measurements(generate: dict[str, Any]) -> None:
    page = (DOCS / "guide" / "sizing.md").read_text(encoding="utf-8")
    assert page == generate["sizing_page"](), "run `make docs`"


def test_a_hundred_clinics_by_hand(generate: dict[str, Any]) -> None:
    run = {
        "processor": {"workers": 70.0, "pages": 35.0, "database": 14.0, "broker": 1.0},
        "megabytes": {"workers": 512, "pages": 256, "database": 256, "broker": 6},
        "disk": {"film": 190_000, "rows": 10_000},
        "film_bytes": 180_000,
    }
    need = generate["needs"](run, 50_000)
    assert need["films_per_second"] == pytest.approx(3.472, abs=0.001)  # 12,500 in the busiest hour
    assert need["reading"] == pytest.approx(0.3472, abs=0.0001)
    assert need["pages"] == pytest.approx(need["reading"] / 2)
    assert need["workers"] == 1
    assert need["gigabytes"] == 1
    assert need["disk"] == 365 * 50_000 * 200_000  # 3.65 TB
    assert need["megabits"] == pytest.approx(5)


def test_every_run_is_whole_and_of_the_same_film() -> None:
    measured = json.loads((DOCS / "sizing.json").read_text(encoding="utf-8"))
    assert [run["workers"] for run in measured["runs"]] == [1, 2, 4]
    assert len({run["film_bytes"] for run in measured["runs"]}) == 1
    for run in [*measured["runs"], measured["large"]]:
        for bench in (run["many"], run["single"]):
            assert bench["stages"] and bench["memory_megabytes"]
            assert bench["films_per_second"] > 0 < bench["network"]
        assert run["single"]["films_of_a_study"] == 1 < run["many"]["films_of_a_study"]
        assert run["reading_per_second"] > 0
        assert set(run["processor"]) == set(run["megabytes"]) == {"workers", "pages", "database", "broker"}
