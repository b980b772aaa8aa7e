"""The sizing guide says what the committed measurements say."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
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


@pytest.fixture(scope="module")
def country() -> dict[str, Any]:
    return runpy.run_path(str(DOCS.parent / "tests" / "benchmarks" / "country.py"))


def test_a_queue_by_hand(country: dict[str, Any]) -> None:
    arrivals = np.array([0.0, 0.0, 0.0, 10.0])
    assert country["served"](arrivals, 1, 2.0).tolist() == [2.0, 4.0, 6.0, 12.0]
    assert country["served"](arrivals, 2, 2.0).tolist() == [2.0, 2.0, 4.0, 12.0]


def test_a_day_has_all_its_films_and_10000_clinics_send_350_a_second(country: dict[str, Any]) -> None:
    assert sum(country["HOURS"].values()) == pytest.approx(1)
    assert country["busiest"](10_000) == pytest.approx(347.2, abs=0.1)


def test_the_country_is_simulated_from_the_measured_costs(country: dict[str, Any]) -> None:
    kept = json.loads((DOCS / "country.json").read_text(encoding="utf-8"))
    costs, entry = country["film_costs"](), kept["entry_milliseconds"]
    assert kept["breaks_at"] == country["breaks_at"](costs, entry), "run python tests/benchmarks/country.py"
    assert kept["region"] == country["region_size"](costs, entry)
    assert kept["machines"][2] == country["machines"](10_000, costs, kept["region"])
    assert max(country["shares"](kept["region"], costs, entry).values()) <= country["LOAD"]
    assert [one["hours"] for one in kept["outages"]] == list(country["OUTAGES"])


def test_a_region_that_was_away_catches_up_sooner_with_more_readers(country: dict[str, Any]) -> None:
    plain, twice = (country["outage"](100, 4, room / 0.7) for room in (1, 2))
    assert 0 < twice["hours_to_catch_up"] < plain["hours_to_catch_up"]
    assert plain["films"] >= 100 * 500 * (0.15 + 0.25 + 0.15 + 0.08)
