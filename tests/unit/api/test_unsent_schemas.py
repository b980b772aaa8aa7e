from __future__ import annotations

from typing import get_args

from lungwise.api.unsent_schemas import UnsentResult
from lungwise.jobs.unsent import Why


def test_the_states_are_those_of_the_list() -> None:
    assert get_args(UnsentResult.model_fields["state"].annotation) == tuple(Why)
