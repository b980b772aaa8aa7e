"""The names of each clinic's patients, decrypted once by each process and kept in memory and up to date.

Nothing of this is stored (docs/decisions/0015). Changes are found by `changed_at`; a deleted patient stays here until
a search finds them and the database does not.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Dialect, select
from sqlalchemy.orm import Session

from lungwise.patients.identity import PatientFacts, comparable_words
from lungwise.patients.models import Patient, PatientChange
from lungwise.store.database import Base
from lungwise.store.encryption import context_of

_TABLE = Base.metadata.tables[Patient.__tablename__]
_TEXTS = [_TABLE.columns[name] for name in ("identifier", "name", "ideographic", "phonetic")]
MARGIN = timedelta(minutes=2)
"""How much later than it says a change may be seen: longer than transactions last and clocks are apart."""
_AT_ONCE = 1000
_LATE = 1000
"""Changes by which a newer one may be seen first: its transaction was committed before theirs."""
_PAUSE = 0.005
"""Seconds between two batches that are read in the background, for others to go first."""


class NameIndex:
    """The words of the patients of every clinic that was searched. Safe in many threads at once."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._clinics: defaultdict[int, _Clinic] = defaultdict(_Clinic)

    def find(
        self, session: Session, clinic_id: int, text: str, *, after: int | None = None, limit: int | None = None
    ) -> list[int]:
        """Return the ids of those who have a word beginning as each of the text's words does, the highest first.

        Parameters
        ----------
        after, limit
            Only ids below this one, and at most this many.
        """
        clinic = self._clinic(clinic_id)
        with clinic.lock:
            clinic.refresh(session, clinic_id)
            return list(islice(clinic.find(_WordQuery(text), after), limit))

    def among(self, session: Session, clinic_id: int, text: str, candidates: Iterable[int]) -> set[int]:
        """Return those of these patients whom a text finds."""
        clinic = self._clinic(clinic_id)
        with clinic.lock:
            clinic.refresh(session, clinic_id)
            return clinic.among(_WordQuery(text), candidates)

    def former(self, session: Session, clinic_id: int, text: str) -> set[int]:
        """Return the ids of the records that a text found before somebody changed them."""
        clinic = self._clinic(clinic_id)
        with clinic.lock:
            return clinic.former(session, clinic_id, _WordQuery(text))

    def forget(self, clinic_id: int, deleted: Iterable[int]) -> None:
        """Drop patients who were deleted."""
        clinic = self._clinic(clinic_id)
        with clinic.lock:
            clinic.forget(set(deleted))

    def warm(self, session: Session, clinic_id: int, stopping: threading.Event) -> None:
        """Read a clinic's names before somebody searches, unless it is stopped."""
        clinic = self._clinic(clinic_id)
        with clinic.lock:
            clinic.refresh(session, clinic_id, lambda: stopping.wait(_PAUSE))

    def _clinic(self, clinic_id: int) -> _Clinic:
        with self._making:
            return self._clinics[clinic_id]


_INDEXES: WeakKeyDictionary[Dialect, NameIndex] = WeakKeyDictionary()
_MAKING = threading.Lock()


def index_of(session: Session) -> NameIndex:
    """Return the index of a session's database, one for the whole process."""
    with _MAKING:
        return _INDEXES.setdefault(session.get_bind().dialect, NameIndex())


def finds(text: str, facts: PatientFacts) -> bool:
    """Return whether a text finds whoever these facts are of."""
    line = _line(facts.identifier, facts.name, facts.ideographic, facts.phonetic)
    return bool(_WordQuery(text).matching([(0, line)]))


def words_of(text: str) -> list[str]:
    """Split a text into words as search compares them."""
    return comparable_words(text)


class _Clinic:
    """One clinic's patients: of each record a line of words, each between line breaks, and what it was merged into.

    The lines are in the order of the ids.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lines: dict[int, str] = {}
        self._into: dict[int, int] = {}
        self._seen: dict[int, datetime] = {}
        self._kept = _AT_ONCE
        self._newest: datetime | None = None
        self._is_whole = False
        self._former: dict[int, tuple[int, str]] = {}

    def refresh(self, session: Session, clinic_id: int, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Take in everybody, or what has changed since the last time. Everybody anew where that was not finished."""
        if self._newest is None or not self._is_whole:
            self._is_whole = self._take(session, Patient.clinic_id == clinic_id, is_stopped)
            return
        since = Patient.changed_at >= self._newest - MARGIN
        changed = session.execute(select(Patient.id, Patient.changed_at).where(Patient.clinic_id == clinic_id, since))
        stale = [number for number, at in changed if self._seen.get(number) != at]
        for start in range(0, len(stale), _AT_ONCE):
            self._take(session, Patient.id.in_(stale[start : start + _AT_ONCE]))

    def find(self, query: _WordQuery, after: int | None = None) -> Iterator[int]:
        """Walk over the ids of the patients who match, the highest first."""
        merged = self._merged(query)
        lines = reversed(self.lines.items())
        while batch := list(islice(lines, _AT_ONCE)):
            fitting = (query.matching(batch) - self._into.keys()) | merged
            if fitting:
                yield from (number for number, _line in batch if number in fitting and (not after or number < after))

    def among(self, query: _WordQuery, candidates: Iterable[int]) -> set[int]:
        """Return those of these patients who match."""
        candidates = set(candidates)
        lines = [(number, self.lines[number]) for number in candidates if number in self.lines]
        return (query.matching(lines) - self._into.keys()) | (self._merged(query) & candidates)

    def former(self, session: Session, clinic_id: int, query: _WordQuery) -> set[int]:
        """Return the ids of the records of which something that was known before a change matches."""
        last = max(self._former, default=0) - _LATE
        known = [number for number in self._former if number > last]
        of_clinic = select(PatientChange).join(Patient, Patient.id == PatientChange.patient_id)
        new = (Patient.clinic_id == clinic_id, PatientChange.id > last, PatientChange.id.not_in(known))
        for change in session.scalars(of_clinic.where(*new)):
            facts = change.facts
            line = _line(facts.identifier, facts.name, facts.ideographic, facts.phonetic)
            self._former[change.id] = (change.patient_id, line)
        lines = [(number, line) for number, (_patient, line) in self._former.items()]
        return {self._former[number][0] for number in query.matching(lines)}

    def forget(self, deleted: Collection[int]) -> None:
        """Drop patients who were deleted, and what was known of them."""
        for number in deleted:
            self.lines.pop(number, None)
        self._former = {number: one for number, one in self._former.items() if one[0] not in deleted}

    def _merged(self, query: _WordQuery) -> set[int]:
        """Return the patients into whom a matching record was merged."""
        lines = [(number, self.lines[number]) for number in self._into if number in self.lines]
        return {self._root(number) for number in query.matching(lines)}

    def _take(
        self, session: Session, which: ColumnElement[bool], is_stopped: Callable[[], bool] = lambda: False
    ) -> bool:
        """Decrypt rows, which are made faster than patients; return whether these were all."""
        query = select(Patient.id, Patient.key, Patient.same_as_id, Patient.changed_at, *_TEXTS).where(which)
        rows = session.execute(query, execution_options={"yield_per": _AT_ONCE})
        new = False
        for batch in rows.partitions():
            for number, key, same_as, at, *values in batch:
                pairs = zip(_TEXTS, values, strict=True)
                texts = (value.decrypt(context_of(text, key)).decode() if value else "" for text, value in pairs)
                new = new or number not in self.lines
                self._put(number, _line(*texts), same_as)
                self._note(number, at)
            if is_stopped():
                return False
        if new:  # in the order of whatever index the database took
            self.lines = dict(sorted(self.lines.items()))
        return True

    def _put(self, number: int, line: str, same_as: int | None) -> None:
        self.lines[number] = line
        self._into.pop(number, None)
        if same_as is not None:
            self._into[number] = same_as

    def _note(self, number: int, at: datetime) -> None:
        """Note when a row was changed; of long ago that need not be known any more."""
        self._newest = max(at, self._newest or at)
        self._seen[number] = at
        if len(self._seen) > 2 * self._kept:
            self._seen = {one: then for one, then in self._seen.items() if then >= self._newest - MARGIN}
            self._kept = max(len(self._seen), _AT_ONCE)

    def _root(self, number: int) -> int:
        """Return the patient whom a record was merged into."""
        while number in self._into:
            number = self._into[number]
        return number


class _WordQuery:
    """What is searched for: of each word the ways to write it, the longest word first, for few have it."""

    def __init__(self, text: str) -> None:
        spelt = (_spellings(word) for word in words_of(text))
        self._words = sorted(spelt, key=lambda spellings: -len(spellings[0]))
        bare = _bare(text)
        self._alone = f"\n\n{bare}\n" if bare else ""

    def matching(self, lines: list[tuple[int, str]]) -> set[int]:
        """Return the ids of the lines that have all words, or the identifier without its letters."""
        found = lines
        for spellings in self._words:
            first, other = f"\n{spellings[0]}", f"\n{spellings[-1]}"
            if first == other:  # the common case on its own: this looks at every patient's line
                found = [(number, line) for number, line in found if first in line]
            else:
                found = [(number, line) for number, line in found if first in line or other in line]
        alone = (number for number, line in lines if self._alone in line) if self._alone else ()
        return {*(number for number, _line in found), *alone}


def _line(identifier: str, *names: str) -> str:
    """Write all words of a patient; the number of an identifier also without zeros and letters."""
    compact = "".join(words_of(identifier))
    words = [*(word for name in names for word in words_of(name)), *words_of(identifier), compact]
    words += [_without_zeros(word) for word in (*words, *re.findall(r"\d+", compact))]
    bare = _bare(identifier)
    return "\n".join(("", *dict.fromkeys(words), *(("", bare) if bare else ()), ""))


def _spellings(word: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((word, _without_zeros(word))))


def _without_zeros(word: str) -> str:
    """Take the zeros off the front of a number, also of one with letters before it."""
    return re.sub(r"^(\D*)0+(?=\d)", r"\1", word)


def _bare(identifier: str) -> str:
    """Return the number of an identifier that is a few letters and a number, without zeros; '' of any other."""
    found = re.fullmatch(r"[^\W\d]{0,4}0*(\d+)", "".join(words_of(identifier)))
    return found[1] if found else ""
