from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from lungwise.cli import main

if TYPE_CHECKING:
    import pytest

    from conftest import Services


def run(*arguments: str, ends: int = 0) -> str:
    result = CliRunner().invoke(main, ["aggregates", *arguments])
    assert result.exit_code == ends, result.output
    return result.output


def test_weeks_are_printed_as_a_table_and_for_dhis2(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(services.settings.data_folder))
    services.person()
    assert len(run("--weeks", "3").splitlines()) == 4
    assert "Set dhis2_data_elements." in run("--value-set", ends=1)
    monkeypatch.setenv("LUNGWISE_DHIS2_DATA_ELEMENTS", "films=aBcDeFgHiJ1")
    monkeypatch.setenv("LUNGWISE_DHIS2_ORG_UNITS", "aBcDeFgHiJ2")
    assert len(json.loads(run("--value-set", "--weeks", "2"))["dataValues"]) == 2
    services.person("Eve", "Valley")
    assert "Name one with --clinic. There are: Hill, Valley" in run(ends=1)
    assert "There is no clinic Dale. There are: Hill, Valley" in run("--clinic", "Dale", ends=1)
    assert run("--clinic", "Valley", "--weeks", "1").startswith("period,begins,films")
