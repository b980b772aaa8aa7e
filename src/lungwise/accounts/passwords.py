"""Passwords: argon2id, and the check of a new one."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from threading import Lock

from argon2 import PasswordHasher

from lungwise.errors import Rejected
from lungwise.films.refusals import N_
from lungwise.settings import Settings
from lungwise.store import Clock, utc_now

MOST_CHARACTERS = 128
"""Most characters of a password."""
SCORE = 3
"""Least score of zxcvbn, from 0 to 4. Offline, 3 withstands a hundred million guesses."""
_SCORED_CHARACTERS = 32
"""Characters that zxcvbn scores: its time grows with the square of the length, half a second at worst here."""
_COMMON = (
    *("password", "lungwise", "qwerty", "123456", "iloveyou", "welcome", "letmein", "admin", "doctor", "hospital"),
    *("clinic", "radiology", "spring", "summer", "autumn", "winter", "january", "february", "march", "april"),
    *("june", "july", "august", "september", "october", "november", "december", "monday", "tuesday", "wednesday"),
    *("thursday", "friday", "saturday", "sunday"),
)
_EASY = N_("This password is too easy to guess. Use a sentence of three or four words.")
_one_at_a_time = Lock()  # zxcvbn keeps what is known of the person in one place for all threads


class Passwords:
    """Hashes passwords and refuses weak ones."""

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self._length = settings.password_length
        self._hasher = PasswordHasher(settings.argon2_time, settings.argon2_memory, parallelism=1)
        self._clock = clock

    def hash(self, password: str) -> str:
        """Hash with argon2id, in the normal form that signing in compares with."""
        return self._hasher.hash(_normal(password))

    def check(self, password: str, *known: str) -> None:
        """Check a new password against its length, common words and what is known of the person.

        Parameters
        ----------
        known
            What a guesser knows too: the person's name and address, the clinic's name.

        Raises
        ------
        Rejected
            If it is too short, too long, or too easy to guess.
        """
        if len(re.sub(r"\s+", " ", password)) < self._length:
            raise Rejected("This password is too short. Use a sentence of three or four words.")
        if len(password) > MOST_CHARACTERS:
            raise Rejected("This password is longer than 128 characters. Use a shorter sentence.")
        words = [*_years(self._clock().year), *_COMMON, *(part for one in known for part in _parts(one))]
        plain = _plain(password)
        if _left_after(plain, words) < 6 or len(set(plain)) < 5 or _score(plain, [*known, *words]) < SCORE:
            raise Rejected(_EASY)


def _score(password: str, known: list[str]) -> int:
    from zxcvbn import zxcvbn  # here: its lists of common words are large, and most processes never need them

    with _one_at_a_time:
        return int(zxcvbn(password[:_SCORED_CHARACTERS], user_inputs=[_plain(word) for word in known])["score"])


def _left_after(password: str, words: list[str]) -> int:
    """Count what a guesser who knows these words still has to guess, runs counted once."""
    rest = password.casefold()
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    steps = [ord(second) - ord(first) for first, second in pairwise(rest)]
    return len(rest) - sum(step in (-1, 0, 1) for step in steps)


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[\W_]+", _plain(text).casefold()) if len(part) > 2]


def _years(this_year: int) -> list[str]:
    """List the years that people put into passwords, the likeliest first."""
    return [str(year) for year in range(this_year + 1, 1939, -1)]


def _normal(text: str) -> str:
    """Return the form in which Flask-Security compares: an accent is the same however it was typed."""
    return unicodedata.normalize("NFKD", text)


def _plain(text: str) -> str:
    """Leave accents off Latin letters: whoever knows a name guesses it with and without them."""
    return re.sub("[\u0300-\u036f]", "", _normal(text))
