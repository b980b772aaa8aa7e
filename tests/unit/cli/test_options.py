from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from lungwise.cli import main
from lungwise.cli.options import films_option

if TYPE_CHECKING:
    from conftest import Services


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


@pytest.mark.parametrize(
    "words",
    [
        ("db", "check", "--most", "nan"),
        ("read", ".", "--prevalence", "NaN"),
        ("read", ".", "--film-seconds", "nan"),
        ("train", ".", "--minutes", "nan"),
        ("unsent", "--late", "99999999999999"),
        ("jobs", "list", "--limit", "99999999999999999999"),
    ],
)
def test_a_number_that_a_command_cannot_work_with_is_refused(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert words[-1] in result.stderr and words[-2] in result.stderr


def test_the_greatest_numbers_work(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(services.settings.data_folder))
    for words in (("unsent", "--late", str(10 * 365 * 24 * 60)), ("jobs", "list", "--limit", str(2**63 - 1))):
        assert CliRunner().invoke(main, words).exit_code == 0
