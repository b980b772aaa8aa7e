from __future__ import annotations

import errno
from collections.abc import Callable

import click
import pytest

from lungwise.cli.errors import one_line_errors
from lungwise.films import Refusal
from lungwise.reading import ArtefactError


def failing(error: Exception) -> Callable[[], None]:
    @one_line_errors
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ArtefactError("The model is incomplete."), "The model is incomplete."),
        (ValueError("no recipe 'x'"), "no recipe 'x'"),
        (Refusal("damaged"), "The file is damaged. Export it again"),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: No space left on device"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "bin/setup train .* locks/train.txt"),
        (ModuleNotFoundError("No module named 'celery.x'", name="celery.x"), "bin/setup celery .* locks/celery.txt"),
        (ModuleNotFoundError("No module named 'flask'", name="flask"), "bin/setup in .* locks/run.txt"),
    ],
)
def test_an_error_is_one_sentence(error: Exception, sentence: str) -> None:
    with pytest.raises(click.ClickException, match=sentence):
        failing(error)()


def test_a_reader_that_went_away_is_left_to_click() -> None:
    with pytest.raises(BrokenPipeError):
        failing(BrokenPipeError(errno.EPIPE, "Broken pipe"))()


def test_what_nobody_foresaw_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())()
