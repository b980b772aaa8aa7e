from __future__ import annotations

import pytest

from lungwise.accounts.passwords import Passwords
from lungwise.errors import Rejected
from lungwise.settings import Settings


@pytest.mark.parametrize(
    "weak",
    ["short", "aaaaaaaaaaaa", "password1234", "1234567890", "abcdefghijkl", "Ada.Lovelace1", "qwertyqwerty", "x" * 300],
)
def test_a_password_that_is_easy_to_guess_is_refused(weak: str, settings: Settings) -> None:
    with pytest.raises(Rejected):
        Passwords(settings).check(weak, "ada@example.org", "Ada Lovelace")


@pytest.mark.parametrize("good", ["three green kites fly", "correct horse battery", "मेरा घर पहाड़ पर है"])
def test_a_short_sentence_is_accepted(good: str, settings: Settings) -> None:
    Passwords(settings).check(good, "ada@example.org", "Ada Lovelace")


def test_passwords_are_hashed_with_argon2id(settings: Settings) -> None:
    assert Passwords(settings).hash("three green kites fly").startswith("$argon2id$")
