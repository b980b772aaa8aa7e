"""The files of one use case: put before its transaction, and removed if no transaction records them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.errors import Full, Unavailable
from lungwise.receiving.uploads import Upload
from lungwise.store import Database, FilmStore
from lungwise.studies.models import FilmRecord, Study
from lungwise.studies.object_models import HeldFilm, OtherObject
from lungwise.studies.prior_models import PriorFilm

_log = logging.getLogger("lungwise.studies")


class FilmFiles:
    """The files that one use case puts into the film store, study by study."""

    def __init__(self, store: FilmStore) -> None:
        self._store = store
        self._put: dict[str, set[str]] = {}
        self.committed: str | None = None
        """The study whose rows are committed; every file of it has its row."""

    def put(self, study: str, uploads: Iterable[Upload], *, anew: bool = False) -> dict[str, Upload]:
        """Put films that are not there yet, and return all by their names. From here on they survive a power cut.

        Where it is done `anew`, files that are there are replaced, since they are damaged.

        Raises
        ------
        Unavailable
            If the store does not take them.
        """
        stored = {upload.sha256: upload for upload in uploads}
        self._put.setdefault(study, set()).update(stored)
        try:
            for name, upload in stored.items():
                self._store.put(study, upload.data, name, anew=anew)
        except OSError as error:
            _log.exception("A film cannot be kept.")
            if error.errno in (ENOSPC, EDQUOT, EFBIG):
                raise Full("The disk is full.") from error
            raise Unavailable(
                "The film storage cannot be reached right now. Nothing from this upload was saved. Please try again."
            ) from error
        return stored

    def clear(self, database: Database) -> None:
        """Remove every file that has no row. What cannot be removed now, `lungwise db check --clean` will find."""
        for study, names in self._put.items():
            if study != self.committed:
                try:
                    database.transact(partial(self._clear, study=study, names=names))
                except Exception:  # the sender is told why the upload failed
                    _log.exception("Files of an upload that was not kept cannot be removed just now.")

    def _clear(self, session: Session, study: str, names: set[str]) -> None:
        """Remove files while what they are of is locked, so that nobody records one of them meanwhile."""
        number = session.scalar(select(Study.id).where(Study.key == study).with_for_update())
        if number is not None:
            needed = set(session.scalars(select(FilmRecord.sha256).where(FilmRecord.study_id == number)))
        else:
            needed = _kept_in(session, study)
        if number is None and not needed:
            self._store.delete(study)
            return
        for name in names - needed:
            self._store.remove(study, name)


def _kept_in(session: Session, key: str) -> set[str]:
    """Return the file of a held film, an object or an earlier film, each in a folder of its own.

    Its row may be committed though the answer to that was lost.
    """
    queries = (select(table.sha256).where(table.key == key) for table in (HeldFilm, OtherObject, PriorFilm))
    return {name for query in queries for name in session.scalars(query.with_for_update())}


@contextmanager
def film_files(database: Database, store: FilmStore) -> Iterator[FilmFiles]:
    """Provide the files of one use case, and afterwards remove those that nothing records."""
    files = FilmFiles(store)
    try:
        yield files
    finally:
        files.clear(database)
