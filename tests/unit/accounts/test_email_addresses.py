from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.accounts.email_addresses import normalised_email, valid_email
from lungwise.errors import Rejected


@pytest.mark.parametrize(
    "spelling",
    [
        "doc@example.org",
        "doc@example。org",
        "doc@exaⓜple.org",
        "DOC@EXAMPLE.ORG",
        " Doc@Example.org\t",
        "\u3000doc@example.org",
        "doc@\uff45xample.org",
    ],
)
def test_all_spellings_of_an_address_are_one(spelling: str) -> None:
    assert normalised_email(spelling) == "doc@example.org"


def test_a_domain_in_punycode_is_the_one_in_letters() -> None:
    assert normalised_email("doc@xn--exmple-cua.org") == normalised_email("doc@EXÄMPLE.org") == "doc@exämple.org"


@pytest.mark.parametrize("typed", ["", "doc", "doc@", "@example.org", "doc@exa mple.org", "\ud800@example.org", "\0"])
def test_what_is_no_address_is_none(typed: str) -> None:
    assert normalised_email(typed) is None
    with pytest.raises(Rejected):
        valid_email(typed)


@given(st.one_of(st.text(), st.tuples(st.text(min_size=1), st.text(min_size=1)).map("@".join), st.emails()))
def test_an_address_that_is_normalised_stays_as_it_is(typed: str) -> None:
    found = normalised_email(typed)
    assert found is None or normalised_email(found) == found
