from __future__ import annotations

import pytest

from lungwise.studies.labels import MEANINGS, SHORT, VERDICTS, in_ten, percent
from lungwise.studies.models import StudyStatus


@pytest.mark.parametrize("labels", [VERDICTS, SHORT, MEANINGS])
def test_every_status_has_its_words(labels: dict[str, str]) -> None:
    assert labels.keys() == {status.value for status in StudyStatus}


@pytest.mark.parametrize(
    ("probability", "shown"), [(None, ""), (0.004, "< 1 %"), (0.01, "1 %"), (0.456, "46 %"), (0.995, "> 99 %")]
)
def test_a_probability_is_shown_no_more_precisely_than_it_is(probability: float | None, shown: str) -> None:
    assert percent(probability) == shown


def test_a_probability_is_a_number_of_films_in_ten() -> None:
    assert [in_ten(probability) for probability in (0.04, 0.46, 1.0)] == [0, 5, 10]
