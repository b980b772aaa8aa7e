"""Drawing studies by lot: patients to test whatever their film says, so that local accuracy counts the whole clinic.

Who is drawn is decided by a keyed hash of the study: nobody can choose it or foresee it, it is the same for everybody
who looks, and it does not depend on what the film says.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from lungwise.films.refusals import CHILD, PHOTOGRAPH
from lungwise.store import Clock, keys_of
from lungwise.studies.answers import StudyAnswer
from lungwise.studies.models import Study

_CONTEXT = "studies drawn for a check"
_DIGITS = 16
"""Hexadecimal digits of the hash that are looked at."""


class Sampling:
    """Says of which studies the patients shall be tested because they were drawn.

    Parameters
    ----------
    one_in
        Of so many studies one is drawn; None where the clinic draws none.
    days
        How many days after the film a result still counts.
    """

    def __init__(self, session: Session, clock: Clock, one_in: int | None, days: int) -> None:
        self._session = session
        self._clock = clock
        self._one_in = one_in
        self._days = days

    def asks(self, study: Study, answer: StudyAnswer, *, has_result: bool) -> bool:
        """Return whether the patient of a study shall be tested now: drawn, not tested, and in time to count."""
        if not self._one_in or has_result or answer.is_waiting or not answer.read:
            return False
        if answer.is_child or answer.is_unclear or {CHILD, PHOTOGRAPH} & answer.warnings:
            return False
        return self._clock() - study.taken_at <= timedelta(days=self._days) and self.draws(study.key)

    def draws(self, key: str) -> bool:
        """Return whether a study is drawn, by its key."""
        drawn = keys_of(self._session).index(_CONTEXT, key)
        return self._one_in is not None and int(drawn[-_DIGITS:], 16) % self._one_in == 0
