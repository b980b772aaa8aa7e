from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.errors import Rejected
from lungwise.orders import wildcards


@given(st.text("abé", max_size=12), st.text("abé*?", max_size=8))
def test_wildcards_match_as_a_shells_do(text: str, pattern: str) -> None:
    assert wildcards.matches(text, pattern) is fnmatch.fnmatchcase(text, pattern)


@given(st.text(max_size=50))
def test_what_has_no_wildcards_matches_itself_alone(text: str) -> None:
    plain = text.replace("*", "").replace("?", "")
    assert wildcards.matches(plain, plain)
    assert not wildcards.matches(plain + "x", plain)
    assert wildcards.matches(plain, "*")


def test_the_work_grows_with_the_text_and_not_with_its_stars() -> None:
    """Every letter of the text is looked at once; a matcher that tries again never ends here."""
    assert not wildcards.matches("a" * 100_000, "*a" * 60 + "*b")
    assert wildcards.matches("a" * 100_000 + "b", "*a" * 60 + "*b")


@pytest.mark.parametrize(
    "pattern",
    ["*a" * (wildcards.MOST_WILDCARDS + 1), "?" * (wildcards.MOST_WILDCARDS + 1), "a" * (wildcards.LONGEST_VALUE + 1)],
)
def test_too_many_wildcards_and_too_long_values_are_rejected(pattern: str) -> None:
    with pytest.raises(Rejected):
        wildcards.check(pattern)


def test_what_lies_within_the_bounds_is_taken() -> None:
    wildcards.check("*a" * wildcards.MOST_WILDCARDS)
    wildcards.check("a" * wildcards.LONGEST_VALUE)
