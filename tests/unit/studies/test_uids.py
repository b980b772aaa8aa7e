from __future__ import annotations

from lungwise.studies.uids import own_uid


def test_the_same_words_give_the_same_uid_and_others_another() -> None:
    assert own_uid("film", "a") == own_uid("film", "a") != own_uid("film", "b")
    assert own_uid("film", "a").startswith("2.25.") and len(own_uid("film", "a")) <= 64
    assert own_uid("ab", "c") != own_uid("a", "bc")
