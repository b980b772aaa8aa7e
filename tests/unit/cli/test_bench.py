from __future__ import annotations

import json

from click.testing import CliRunner

from lungwise.cli import main
from lungwise.cli.bench import STAGES


def test_every_stage_is_measured_and_the_ratios_are_of_the_same_run() -> None:
    done = CliRunner().invoke(main, ["bench", "--rounds", "10", "--json"])

    assert done.exit_code == 0, done.output
    measured = json.loads(done.stdout)
    assert all(0 < measured[stage]["median"] <= measured[stage]["p95"] for stage in STAGES)
    assert measured["whole"]["median"] > measured["decode"]["median"]
    assert abs(measured["whole_over_network"] - measured["whole"]["median"] / measured["network"]["median"]) < 0.01
    assert measured["films_per_second"] > 0
    assert measured["first_reading_seconds"] > 0


def test_people_get_sentences() -> None:
    done = CliRunner().invoke(main, ["bench", "--rounds", "10"])

    assert done.exit_code == 0
    assert "times the network's own time" in done.stdout
