"""Search by the beginnings of words: each process decrypts a clinic's names once, keeps them in memory and up to date.

Nothing of this is stored (docs/decisions/0015). What has changed is found by `changed_at`; a patient who is deleted
stays here until they are looked for, which finds nobody.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Dialect, select
from sqlalchemy.orm import Session

from lungwise.patients.identity import comparable_words
from lungwise.patients.models import Patient
from lungwise.store.database import Base
from lungwise.store.sealing import place_of

_TABLE = Base.metadata.tables[Patient.__tablename__]
_TEXTS = [_TABLE.columns[name] for name in ("identifier", "name", "ideographic", "phonetic")]
MARGIN = timedelta(minutes=2)
"""How much later than it says a change may be seen: longer than transactions last and clocks are apart."""
_AT_ONCE = 1000
_Words = list[tuple[str, ...]]
"""Of each word, the ways to write it of which one is enough."""


class NameIndex:
    """The words of the patients of every clinic that was searched. Safe in many threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clinics: defaultdict[int, _Clinic] = defaultdict(_Clinic)

    def find(self, session: Session, clinic_id: int, text: str) -> list[int]:
        """Give the ids of those who have a word beginning as each of the text's words does, the highest first."""
        with self._lock:
            clinic = self._clinics[clinic_id]
            clinic.refresh(session, clinic_id)
            return clinic.find(text)

    def forget(self, clinic_id: int, gone: Iterable[int]) -> None:
        """Drop patients who are there no more."""
        with self._lock:
            for number in gone:
                self._clinics[clinic_id].lines.pop(number, None)


_INDEXES: WeakKeyDictionary[Dialect, NameIndex] = WeakKeyDictionary()
_MAKING = threading.Lock()


def index_of(session: Session) -> NameIndex:
    """Give the index of a session's database, one for all of the process."""
    with _MAKING:
        return _INDEXES.setdefault(session.get_bind().dialect, NameIndex())


def words_of(text: str) -> list[str]:
    """Split a text into words as search compares them."""
    return comparable_words(text)


class _Clinic:
    """One clinic's patients: of each record a line of words, each between line breaks, and what it was merged into."""

    def __init__(self) -> None:
        self.lines: dict[int, str] = {}
        self._into: dict[int, int] = {}
        self._seen: dict[int, datetime] = {}
        self._kept = _AT_ONCE
        self._newest: datetime | None = None

    def refresh(self, session: Session, clinic_id: int) -> None:
        """Take in everybody, or what has changed since the last time."""
        if self._newest is None:
            self._take(session, Patient.clinic_id == clinic_id)
            return
        since = Patient.changed_at >= self._newest - MARGIN
        changed = session.execute(select(Patient.id, Patient.changed_at).where(Patient.clinic_id == clinic_id, since))
        stale = [number for number, at in changed if self._seen.get(number) != at]
        for start in range(0, len(stale), _AT_ONCE):
            self._take(session, Patient.id.in_(stale[start : start + _AT_ONCE]))

    def find(self, text: str) -> list[int]:
        """Give the ids of those who have all words, or the identifier without its letters."""
        found = set(_matching(self.lines, [_spellings(word) for word in words_of(text)]))
        if number := _bare(text):
            alone = f"\n\n{number}\n"
            found |= {one for one, line in self.lines.items() if alone in line}
        return sorted({self._root(one) for one in found}, reverse=True)

    def _take(self, session: Session, which: ColumnElement[bool]) -> None:
        """Decrypt rows, which are quicker made than patients."""
        query = select(Patient.id, Patient.key, Patient.same_as_id, Patient.changed_at, *_TEXTS).where(which)
        for number, key, same_as, at, *values in session.execute(query, execution_options={"yield_per": _AT_ONCE}):
            pairs = zip(_TEXTS, values, strict=True)
            said = (value.open(place_of(text, key)).decode() if value else "" for text, value in pairs)
            self.lines[number] = _line(*said)
            self._into.pop(number, None)
            if same_as is not None:
                self._into[number] = same_as
            self._note(number, at)

    def _note(self, number: int, at: datetime) -> None:
        """Note when a row was changed; of long ago that need not be known any more."""
        self._newest = max(at, self._newest or at)
        self._seen[number] = at
        if len(self._seen) > 2 * self._kept:
            self._seen = {one: then for one, then in self._seen.items() if then >= self._newest - MARGIN}
            self._kept = max(len(self._seen), _AT_ONCE)

    def _root(self, number: int) -> int:
        """Give the patient whom a record was merged into."""
        while number in self._into:
            number = self._into[number]
        return number


def _matching(lines: dict[int, str], words: _Words) -> Iterable[int]:
    """Narrow down word by word: the longest first, for few have it."""
    found: Iterable[tuple[int, str]] = lines.items()
    for spellings in sorted(words, key=lambda spelt: -len(spelt[0])):
        first, other = f"\n{spellings[0]}", f"\n{spellings[-1]}"
        if first == other:  # told apart, for this looks at every patient's line
            found = [(number, line) for number, line in found if first in line]
        else:
            found = [(number, line) for number, line in found if first in line or other in line]
    return [number for number, _line in found]


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
    """Give the number of an identifier that is a few letters and a number, without zeros; '' of any other."""
    found = re.fullmatch(r"[^\W\d]{0,4}0*(\d+)", "".join(words_of(identifier)))
    return found[1] if found else ""
