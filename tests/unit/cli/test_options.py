from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lungwise.cli.options import films_option


@click.command()
@films_option
def command(films: Path) -> None:
    click.echo(films)


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout without a collection beside it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("LUNGWISE_FILMS", raising=False)
    return folder


def test_without_a_collection_the_option_is_required() -> None:
    result = CliRunner().invoke(command)
    assert result.exit_code == 2
    assert "Missing option '--films'" in result.stderr


def test_a_collection_beside_the_checkout_is_the_default(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, named = checkout.parent / "shared" / "cxr" / "films.csv", checkout / "own.csv"
    beside.parent.mkdir(parents=True)
    beside.touch()
    named.touch()
    assert CliRunner().invoke(command).stdout == "../shared/cxr/films.csv\n"
    assert CliRunner().invoke(command, ["--films", "own.csv"]).stdout == "own.csv\n"
    monkeypatch.setenv("LUNGWISE_FILMS", str(named))
    assert CliRunner().invoke(command).stdout == f"{named}\n"
