from __future__ import annotations

import pytest

from lungwise.studies.labels import SHORT, percent
from lungwise.studies.models import StudyStatus


def test_every_status_has_its_words() -> None:
    assert SHORT.keys() == {status.value for status in StudyStatus}


@pytest.mark.parametrize(
    ("probability", "shown"), [(None, ""), (0.004, "< 1 %"), (0.01, "1 %"), (0.456, "46 %"), (0.995, "> 99 %")]
)
def test_a_probability_is_shown_no_more_precisely_than_it_is(probability: float | None, shown: str) -> None:
    assert percent(probability) == shown
