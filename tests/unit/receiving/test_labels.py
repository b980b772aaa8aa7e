from __future__ import annotations

from lungwise.receiving.labels import COUNTED, REASONS
from lungwise.receiving.other_files import SkipReason


def test_every_reason_has_its_words() -> None:
    assert REASONS.keys() == COUNTED.keys() == set(SkipReason)
