from __future__ import annotations

from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError

from lungwise.accounts.passwords import MOST_CHARACTERS, Passwords
from lungwise.errors import Rejected
from lungwise.settings import Settings

KNOWN = ("ada@example.org", "Ada Lovelace", "Hill Hospital São Paulo")


@pytest.mark.parametrize(
    "weak",
    [
        *("short", "aaaaaaaaaaaa", "password1234", "1234567890", "abcdefghijkl", "Ada.Lovelace1", "qwertyqwerty"),
        *("Summer2024!", "football2024", "Summer2024!!", "Winter2026Winter", "Welcome2026!!", "P4$$w0rd2026!"),
        *("HillHospital2026", "lovelace.ada.hill", "saopaulo2026!", "São Paulo 2026", "lungwise-lungwise"),
        *("trustno1trustno1", "1qaz2wsx3edc", "September-2026", "x" * 300, "three green kites " * 8),
        "a         b",  # blanks in a row count once
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(weak: str, settings: Settings) -> None:
    with pytest.raises(Rejected, match=r"sentence"):
        Passwords(settings).check(weak, *KNOWN)


@pytest.mark.parametrize(
    "good",
    [
        *("three green kites fly", "correct horse battery", "मेरा घर पहाड़ पर है", "tres cometas verdes"),
        *("🐘 crosses a 🌉 at noon", "k7#mQ2vLx9!r", "seven blue boats sail " * 5),
    ],
)
def test_a_short_sentence_is_accepted(good: str, settings: Settings) -> None:
    Passwords(settings).check(good, *KNOWN)


def test_the_years_that_are_known_go_with_the_calendar(settings: Settings) -> None:
    passwords = Passwords(settings, lambda: datetime(2041, 5, 1, tzinfo=UTC))
    with pytest.raises(Rejected):
        passwords.check("Autumn2041!!", *KNOWN)


@examples(max_examples=50)
@given(st.text(max_size=200))
def test_any_text_is_either_taken_or_refused_with_a_sentence(text: str) -> None:
    try:
        Passwords(Settings()).check(text, *KNOWN)
    except Rejected as no:
        assert "sentence" in str(no)
    else:
        assert 12 <= len(text) <= MOST_CHARACTERS


def test_a_setting_cannot_ask_for_less_than_twelve_characters() -> None:
    assert Settings().password_length == 12
    with pytest.raises(ValidationError):
        Settings(password_length=11)


def test_passwords_are_hashed_with_argon2id(settings: Settings) -> None:
    assert Passwords(settings).hash("three green kites fly").startswith("$argon2id$")


def test_no_password_is_cut_and_each_hash_has_its_own_salt(settings: Settings) -> None:
    passwords, long = Passwords(settings), "seven blue boats sail " * 5 + "home"
    first, second = passwords.hash(long), passwords.hash(long)
    assert first != second
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(first, long[:-1])


def test_an_accent_is_the_same_however_it_was_typed(settings: Settings) -> None:
    hashed = Passwords(settings).hash("tr\u00e9s verts cerfs-volants")
    assert PasswordHasher().verify(hashed, "tre\u0301s verts cerfs-volants")
