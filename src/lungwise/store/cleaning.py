"""Orphans: files that no row of the database names. They are moved into quarantine, and deleted later.

A server that is switched off between writing a film's file and its row leaves one, and so does a database that does
not answer while a study's files are deleted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lungwise.store.database import Clock, Database
from lungwise.store.film_store import FilmStore, StoredFile
from lungwise.store.named_files import named_files, table_of

CLEANED_AFTER = timedelta(days=1)
"""Age of a file that no upload in progress can still need."""
PURGED_AFTER = timedelta(days=30)
MAX_PERCENT = 1.0
"""Share of all files that may be orphans; if more are, the database is probably the wrong one."""

_AGES = {
    "under an hour": timedelta(hours=1),
    "under a day": CLEANED_AFTER,
    "under 30 days": PURGED_AFTER,
    "older": timedelta.max,
}


class CleaningError(Exception):
    """Nothing is cleaned; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A file without a row, or one in quarantine."""

    file: StoredFile
    age: timedelta

    @property
    def as_json(self) -> dict[str, str | int]:
        """The file for programs, with its age in seconds."""
        return {"study": self.file.study, "film": self.file.name, "age_seconds": int(self.age.total_seconds())}


class Cleaning:
    """Compares the store with the database."""

    def __init__(self, database: Database, store: FilmStore, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._clock = clock

    def orphans(self) -> list[Orphan]:
        """List the files that have no row, the oldest first."""
        return self._orphans(list(self._store.files()))

    def clean(self, max_percent: float = MAX_PERCENT) -> list[Orphan]:
        """Move the files without a row that are older than a day into quarantine, and list them.

        Raises
        ------
        CleaningError
            If the database has no film at all, or they are a larger share of all files.
        """
        files = list(self._store.files())  # before the rows: a film that is saved meanwhile then has its row
        old = [orphan for orphan in self._orphans(files) if orphan.age > CLEANED_AFTER]
        if not old:
            return []
        self._check(len(old), len(files), max_percent)
        return [orphan for orphan in old if self._database.transact(partial(self._move, file=orphan.file))]

    def bring_back(self) -> list[Orphan]:
        """Bring back files that films need: they were moved while another database stood in for this one."""
        quarantined = list(self._store.quarantined())
        known = self._known()
        needed = [file for file in quarantined if (file.study, file.name) in known]
        back = [file for file in needed if not self._store.holds(file.study, file.name)]
        for file in back:
            self._store.bring_back(file)
        return self._aged(back)

    def purge(self) -> list[Orphan]:
        """Delete files that have been in quarantine for thirty days, and list them."""
        old = [orphan for orphan in self._aged(self._store.quarantined()) if orphan.age > PURGED_AFTER]
        for orphan in old:
            self._store.purge(orphan.file)
        return old

    def _check(self, orphans: int, files: int, max_percent: float) -> None:
        with self._database.reading() as session:
            films = session.scalar(select(func.count()).select_from(table_of("films")))
        if not films:
            raise CleaningError("The database has no film at all: it is not the one that these files belong to.")
        if orphans > files * max_percent / 100:
            raise CleaningError(
                f"{orphans} of {files} files have no row, more than {max_percent:g} %: this may be another database "
                "than theirs. Nothing is moved. If it is the right one, give a higher share with --most."
            )

    def _orphans(self, files: list[StoredFile]) -> list[Orphan]:
        known = self._known()
        return self._aged(file for file in files if (file.study, file.name) not in known)

    def _known(self) -> set[tuple[str, str]]:
        """Return the study and the name of each file that the database names."""
        with self._database.reading() as session:
            return set(named_files(session))

    def _aged(self, files: Iterable[StoredFile]) -> list[Orphan]:
        now = self._clock()
        orphans = [Orphan(file=file, age=now - file.since) for file in files]
        return sorted(orphans, key=lambda orphan: orphan.age, reverse=True)

    def _move(self, session: Session, file: StoredFile) -> bool:
        """Move a file while its study is locked, since an upload of the same film may be about to need it."""
        studies, films = table_of("studies"), table_of("films")
        study = session.scalar(select(studies.c.id).where(studies.c.key == file.study).with_for_update())
        named = select(films.c.id).where(films.c.study_id == study, films.c.sha256 == file.name)
        if study is not None and session.scalar(named) is not None:
            return False
        self._store.quarantine(file)
        return True


def ages(orphans: Iterable[Orphan]) -> dict[str, int]:
    """Count files by their age, each once."""
    counts = dict.fromkeys(_AGES, 0)
    for orphan in orphans:
        counts[next(name for name, limit in _AGES.items() if orphan.age <= limit)] += 1
    return counts
