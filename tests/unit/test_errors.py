from __future__ import annotations

from lungwise.errors import Full, NotFound, Rejected, Unavailable


def test_a_rejection_puts_its_values_into_the_translated_sentence() -> None:
    rejection = Rejected("At most %(count)s films.", count=50)
    assert str(rejection) == "At most 50 films."
    assert rejection.translated({"At most %(count)s films.": "Como máximo %(count)s."}.__getitem__) == "Como máximo 50."


def test_a_sentence_without_values_may_hold_a_percent_sign() -> None:
    rejection = Rejected("More than 1 % of all files.")
    assert str(rejection) == rejection.translated(str) == "More than 1 % of all files."


def test_what_is_not_there_and_what_is_not_allowed_have_one_answer() -> None:
    assert str(NotFound()) == "There is nothing here, or it belongs to another clinic."


def test_who_handles_what_is_unavailable_handles_a_full_disk() -> None:
    assert issubclass(Full, Unavailable)
