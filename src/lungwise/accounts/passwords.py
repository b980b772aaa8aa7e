"""Passwords: argon2id, and the check of a new one."""

from __future__ import annotations

from itertools import pairwise

from argon2 import PasswordHasher

from lungwise.errors import Rejected
from lungwise.settings import Settings

_COMMON = ("password", "lungwise", "qwerty", "123456", "iloveyou", "welcome", "letmein", "admin", "doctor")


class Passwords:
    """Hashes passwords and refuses weak ones."""

    def __init__(self, settings: Settings) -> None:
        self._length = settings.password_length
        self._hasher = PasswordHasher(settings.argon2_time, settings.argon2_memory, parallelism=1)

    def hash(self, password: str) -> str:
        """Hash with argon2id."""
        return self._hasher.hash(password)

    def check(self, password: str, *known: str) -> None:
        """Check a new password against its length, common words and what is known of the person.

        Raises
        ------
        Rejected
            If it is too short or too easy to guess.
        """
        if len(password) < self._length:
            raise Rejected("This password is too short. Use a sentence of three or four words.")
        if len(password) > 256:
            raise Rejected("This password is longer than 256 characters.")
        if _left_after(password, (*_COMMON, *known)) < 6 or len(set(password)) < 5:
            raise Rejected("This password is too easy to guess. Use a sentence of three or four words.")


def _left_after(password: str, words: tuple[str, ...]) -> int:
    """Count what a guesser who knows these words still has to guess, runs counted once."""
    rest = password.casefold()
    parts = sorted((part for word in words for part in _parts(word)), key=len, reverse=True)
    for part in parts:
        rest = rest.replace(part, "")
    steps = [ord(second) - ord(first) for first, second in pairwise(rest)]
    return len(rest) - sum(step in (-1, 0, 1) for step in steps)


def _parts(word: str) -> list[str]:
    return [part for part in word.casefold().replace("@", " ").replace(".", " ").split() if len(part) > 2]
