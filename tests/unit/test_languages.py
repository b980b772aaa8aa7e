from __future__ import annotations

from lungwise.languages import words_of


def test_sentences_of_the_pages_are_translated_outside_of_a_request() -> None:
    assert words_of("es")("Sign out") != "Sign out"
    assert words_of("en")("Sign out") == "Sign out"
    assert words_of("xx")("Sign out") == "Sign out"
