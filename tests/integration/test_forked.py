"""Programs that the tests start are forked: were each loaded anew, the tests would take a third longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forked import Forked, start
from processes import SYNTHETIC, environment

if TYPE_CHECKING:
    from lungwise.settings import Settings


@pytest.mark.parametrize("program", ["serve", "node", "hl7", "send"])
def test_a_program_is_forked_whatever_the_tests_have_loaded(settings: Settings, program: str) -> None:
    process = start([*SYNTHETIC, program, "--help"], environment(settings))
    assert isinstance(process, Forked)
    assert f"{program} [OPTIONS]" in process.communicate()[0]
