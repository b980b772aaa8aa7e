from __future__ import annotations

from lungwise.studies.labels import SHORT
from lungwise.studies.models import StudyStatus


def test_every_status_has_its_words() -> None:
    assert SHORT.keys() == {status.value for status in StudyStatus}
