"""Search patients by the beginnings of the words of their names and identifiers."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.errors import Rejected
from lungwise.patients.identity import Identity
from lungwise.patients.models import Patient
from lungwise.patients.name_index import index_of, words_of
from lungwise.patients.records import PatientRecords

PAGE = 50
FEW = 2000
"""Up to this many patients, their studies are looked up by id; of more, a walk in list order fills a page soon."""
_MAX_LETTERS, _MAX_WORDS = 256, 50


class PatientSearch:
    """Searches the patients of the person's own clinic.

    Every method raises `Rejected` if the text is too long, or has too many words.
    """

    def __init__(self, session: Session, records: PatientRecords) -> None:
        self._session = session
        self._records = records

    def page(self, person: Person, text: str, after: int | None = None) -> list[Patient]:
        """List a page of the patients whom a text finds, the newest first; all patients where it has no words."""
        person.need(Right.SEE_ALL)
        if _has_words(text):
            return self._found(person, text, after)
        query = select(Patient).where(Patient.clinic_id == person.clinic_id, Patient.identity != Identity.MERGED)
        if after is not None:
            query = query.where(Patient.id < after)
        return list(self._session.scalars(query.order_by(Patient.id.desc()).limit(PAGE)))

    def matching(self, person: Person, text: str) -> list[int] | None:
        """Return the ids of the patients whom a text finds, the newest first; None where it has no words.

        At most `FEW` + 1 are returned. Of more, ask which ones of those at hand are `among` them.
        """
        person.need(Right.SEE)
        if not _has_words(text):
            return None
        return index_of(self._session).find(self._session, person.clinic_id, text, limit=FEW + 1)

    def among(self, person: Person, text: str, candidates: Iterable[int]) -> set[int]:
        """Return those of these patients whom a text finds."""
        person.need(Right.SEE)
        return index_of(self._session).among(self._session, person.clinic_id, text, candidates)

    def former(self, person: Person, text: str) -> set[int]:
        """Return the ids of the records that a text found before somebody changed them; films may still say that."""
        person.need(Right.SEE)
        if not _has_words(text):
            return set()
        return index_of(self._session).former(self._session, person.clinic_id, text)

    def _found(self, person: Person, text: str, after: int | None) -> list[Patient]:
        """Fetch the first patients whom a text finds; those who were deleted make room for others."""
        index = index_of(self._session)
        while True:
            found = index.find(self._session, person.clinic_id, text, after=after, limit=PAGE)
            present = self._records.by_ids(person, found)
            if len(present) == len(found):
                return [present[number] for number in found]
            index.forget(person.clinic_id, set(found) - present.keys())


def _has_words(text: str) -> bool:
    words = words_of(text) if len(text) <= _MAX_LETTERS else []
    if len(text) > _MAX_LETTERS or len(words) > _MAX_WORDS:
        raise Rejected("This search is too long. Search for fewer words.")
    return bool(words)
