from __future__ import annotations

import pytest

from lungwise.accounts.one_time_codes import CODE_CHARACTERS, hash_code

SALT = bytes(16)


def hashed(code: str, salt: bytes = SALT) -> str:
    return hash_code(code, salt, time=1, memory=64)


@pytest.mark.parametrize("typed", ["1a2b-3c4d", "1A2B-3C4D", " 1a2b 3c4d ", "1a2b\u20133c4d", "\uff11a2b-3c4d"])
def test_a_code_is_the_same_however_it_is_typed(typed: str) -> None:
    assert hashed(typed) == hashed("1a2b3c4d")


def test_another_code_and_another_salt_have_other_hashes() -> None:
    assert len({hashed("1a2b"), hashed("1a2c"), hashed("1a2b", b"x" * 16)}) == 3


def test_a_hash_names_what_it_was_made_with_and_holds_no_comma() -> None:
    assert hashed("1a2b").startswith("1.64.")
    assert "," not in hashed("1a2b")


def test_no_more_is_hashed_than_a_code_may_be_long() -> None:
    assert hashed("1" * 1_000_000) == hashed("1" * CODE_CHARACTERS)
